import { badInput } from "./bad-input.ts";
import { close } from "./close.ts";
import { commitAborted } from "./commit/aborted.ts";
import { commitChecks } from "./commit/checks.ts";
import { contention } from "./commit/contention.ts";
import { rangeEmpty } from "./commit/range-empty.ts";
import { commitReads } from "./commit/reads.ts";
import { versions } from "./commit/versions.ts";
import { info } from "./info.ts";
import { get } from "./read/get.ts";
import { list } from "./read/list.ts";
import { listCreated } from "./read/list-created.ts";
import { spaces } from "./read/spaces.ts";
import { values } from "./read/values.ts";
import { sessionEnd } from "./session/end.ts";
import { sessionSet } from "./session/set.ts";
import { type Conformance, Suite } from "./suite.ts";
import { timeToLive } from "./time-to-live.ts";
import { watchEnd } from "./watch/end.ts";
import { watchFrom } from "./watch/from.ts";
import { watchHistoryLost } from "./watch/history-lost.ts";
import { watch } from "./watch/watch.ts";

export type { Conformance, ConformanceTarget } from "./suite.ts";

const BEHAVIOURS = [
  get,
  versions,
  values,
  spaces,
  commitChecks,
  rangeEmpty,
  commitReads,
  contention,
  commitAborted,
  list,
  listCreated,
  watch,
  watchFrom,
  watchHistoryLost,
  watchEnd,
  sessionEnd,
  sessionSet,
  timeToLive,
  info,
  badInput,
  close,
];

/**
 * Registers with `node:test` what every engine must pass. An engine's test is this call alone:
 *
 *     import { engineConformance } from "ipctools/conformance";
 *     engineConformance({ name: "mine", open: async () => { const engine = await openMine(); return { engine, cleanup: () => engine.close() }; } });
 */
export function engineConformance(conformance: Conformance): void {
  const suite = new Suite(conformance);
  for (const behaviour of BEHAVIOURS) behaviour(suite);
}
