import * as assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { recordHistory } from "./crew.ts";
import { DisturbedServers, type Server } from "./disturbed-servers.ts";
import { checkRegisters, explain } from "./history/register.ts";
import type { TargetName } from "./targets/open.ts";

/** A busy machine may need several recordings for as many operations as another makes in one. */
const MOST_RECORDINGS = 10;

export interface DisturbedHistory {
  /** The store of that name on the servers at these addresses. */
  target(addresses: string, name: string): TargetName;
  /** How long a recording takes, in milliseconds. */
  readonly duration: number;
  readonly processes: number;
  /** How often a client is killed, in milliseconds on average. */
  readonly killEvery: number;
  /** The longest time that a server is away, in milliseconds. */
  readonly outage: number;
  /** How many operations prove something. Recordings are made until there are more. */
  readonly least: number;
}

/** Records what clients do on servers that are cut off, stopped and killed, as the clients are: each history is linearizable. */
export async function checkDisturbedHistory(
  t: TestContext,
  all: readonly Server[],
  { target, duration, processes, killEvery, outage, least }: DisturbedHistory,
): Promise<void> {
  const servers = await DisturbedServers.of(all);
  t.after(() => servers.stop());
  const counts = { recordings: 0, operations: 0, unknown: 0, clientsKilled: 0 };
  while (counts.operations <= least) {
    assert.ok(counts.recordings < MOST_RECORDINGS, `only ${counts.operations} operations in ${duration} ms each`);
    counts.recordings++;
    const seed = Date.now() % 100_000;
    const targets = [target(servers.addresses, `history-${counts.recordings}`)];
    const recording = recordHistory({ targets, seed, duration, processes, killEvery, outlives: true });
    await servers.disturb(seed, outage, recording);
    const { operations, kills } = await recording;
    const verdict = checkRegisters(operations);
    assert.ok(verdict.linearizable, `seed ${seed}: ${explain(verdict)}`);
    counts.operations += operations.length;
    counts.unknown += operations.filter(({ unknown }) => unknown).length;
    counts.clientsKilled += kills;
  }
  t.diagnostic(JSON.stringify({ ...counts, ...servers.faults }));
}
