/**
 * Real processes share values, count together and elect a leader, through the store that IPCTOOLS_STORE names or the default
 * one. Then the leader is killed, and the next one takes over.
 */
import * as crypto from "node:crypto";
import { once } from "node:events";
import * as path from "node:path";
import { styleText } from "node:util";
import { openStore } from "ipctools";
import { Crew } from "./crew.ts";

const NAMES = ["Ada", "Grace", "Edsger", "Barbara"];
const colour = (format: "bold" | "green" | "red" | "dim", text: string) =>
  process.stdout.isTTY ? styleText(format, text) : text;
const say = (text = "") => console.log(text);
const faults: string[] = [];
const prove = (holds: boolean, claim: string) => {
  say(`  ${holds ? colour("green", "✔") : colour("red", "✘")} ${claim}`);
  if (!holds) faults.push(claim);
};

const prefix = `demo ${crypto.randomUUID().slice(0, 8)}/`;
const store = await openStore();
const { engine, location } = await store.info();
const crew = new Crew(path.join(import.meta.dirname, "worker.ts"), NAMES, prefix);
const giveUp = (why: string) => {
  console.error(`The demo failed: ${why}.`);
  crew.kill();
  process.exit(1);
};
const limit = setTimeout(() => giveUp("it has not ended within a minute"), 60_000);
crew.once("failed", (name) => giveUp(`the process of ${name} has ended`));

try {
  say(colour("bold", `${NAMES.length} processes and one store: ${location} (${engine})`));
  for (const { name, pid } of await crew.ready()) say(`  ${name.padEnd(8)} process ${pid}`);

  say(`\n${colour("bold", "All call createValue() on one key at once.")} Exactly one creates it:`);
  const created = await crew.all("create", "created");
  for (const { name, told } of created)
    say(`  ${name.padEnd(8)} ${told.created ? colour("green", "created it") : `found ${told.chosen}`}`);
  const winners = created.filter(({ told }) => told.created);
  prove(winners.length === 1, "exactly one process created the key");
  prove(
    created.every(({ told }) => told.chosen === winners[0]?.name),
    "all see the same value",
  );

  say(`\n${colour("bold", "Each adds 1 to a shared count, 250 times, all at once:")}`);
  for (const { name, told } of await crew.all("count", "counted")) say(`  ${name.padEnd(8)} done, sees ${told.count}`);
  const count = await store.get(`${prefix}count`);
  prove(count === String(NAMES.length * 250), `the count is ${count}: no update was lost`);

  say(`\n${colour("bold", "They elect a leader; it gets a SIGKILL; the next one takes over:")}`);
  const tokens: number[] = [];
  const times: number[] = [];
  let leader = await crew.elect();
  for (;;) {
    const seen = await store.leader(`${prefix}leader`);
    tokens.push(leader.told.token);
    say(`  ${leader.name.padEnd(8)} leads with token ${leader.told.token}; the store says ${seen?.value}`);
    prove(seen?.value === leader.name, "the store and the leader agree");
    if (crew.size === 1) break;
    const killed = performance.timeOrigin + performance.now();
    const next = crew.kill(leader.name);
    leader = await next;
    times.push(leader.told.at - killed);
    say(colour("dim", `  … killed; ${leader.name} won ${times.at(-1)!.toFixed(1)} ms later`));
  }
  prove(
    tokens.every((token, i) => i === 0 || token > tokens[i - 1]!),
    `tokens grow (${tokens.join(" < ")}): never two current leaders`,
  );
  crew.kill();
  await once(crew, "ended");
  await store.clear(prefix);
  say(
    faults.length === 0
      ? `\n${colour("green", "All of it held.")} Fail-over took ${times.map((time) => time.toFixed(1)).join(", ")} ms.`
      : `\n${colour("red", "Not all of it held:")} ${faults.join("; ")}`,
  );
} finally {
  clearTimeout(limit);
  crew.kill();
  await store.close();
}
process.exitCode = faults.length === 0 ? 0 : 1;
