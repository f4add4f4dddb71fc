import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { until } from "../../fixtures/until.ts";

/*
 * Runs the command line many times in one process, one call after the other: starting a process costs more than most calls do.
 * Each call runs `main.ts` as a module of its own.
 */

export interface Called {
  readonly status: number;
  readonly printed: string;
}

const { writeSync } = fs;
let printed = "";
Object.assign(fs, {
  writeSync: (fd: number, data: Uint8Array) => {
    if (fd !== 1 && fd !== 2) return writeSync(fd, data);
    printed += Buffer.from(data).toString();
    return data.length;
  },
});
syncBuiltinESMExports();

process.once("message", async (calls: readonly string[][]) => {
  const outcomes: Called[] = [];
  for (const [i, args] of calls.entries()) {
    printed = "";
    process.argv = [process.argv[0]!, "ipctools", ...args];
    process.exitCode = undefined;
    await import(`../../../src/cli/main.ts?${i}`);
    await until(() => process.exitCode !== undefined);
    outcomes.push({ status: Number(process.exitCode), printed });
  }
  process.exitCode = 0;
  process.send!(outcomes, () => process.disconnect());
});
