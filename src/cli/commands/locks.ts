import type { DeadlockLink, LockParty } from "../../coordination/locks/table.ts";
import { type Command, DONE } from "../parse/command.ts";
import { oneLine, painter, writeJson, writeLine } from "../print/output.ts";
import { openWatchingEngine } from "../run/open-engine.ts";

export const command: Command = {
  summary: "show who holds which lock, and who waits",
  usage: "[NAME]",
  details: `A line for each holder and each one that waits, in the order of their turns: the lock, whether it is held, the mode, since
when, the process and its command. A cycle of programs that wait for each other is shown below.`,
  arity: [0, 1],
  async run(call) {
    const name = call.positionals[0];
    const engine = await openWatchingEngine(call.store);
    try {
      const { findDeadlock, lockTable } = await import("../../coordination/locks/table.ts");
      const table = await lockTable(engine);
      const shown = table.filter((lock) => name === undefined || lock.name === name);
      const deadlock = findDeadlock(table);
      if (call.json) {
        for (const lock of shown) writeJson(lock);
        if (deadlock) writeJson({ deadlock });
        return DONE;
      }
      writeTable(shown.flatMap(({ held, waiting }) => [...held.map(rowOf("held")), ...waiting.map(rowOf("waits"))]));
      if (deadlock) writeDeadlock(deadlock);
      return DONE;
    } finally {
      await engine.close();
    }
  },
};

type Row = readonly [name: string, state: string, mode: string, since: string, process: string, command: string];

function rowOf(state: "held" | "waits"): (party: LockParty) => Row {
  return (party) => [
    oneLine(party.name),
    state,
    party.mode,
    new Date(party.since).toISOString(),
    processOf(party),
    oneLine(party.command),
  ];
}

function processOf({ pid, host }: LockParty): string {
  return `${pid}@${oneLine(host)}`;
}

function writeTable(rows: readonly Row[]): void {
  if (rows.length === 0) return;
  const paint = painter("stdout");
  const head: Row = ["LOCK", "STATE", "MODE", "SINCE", "PROCESS", "COMMAND"];
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i]!.length)));
  const aligned = (row: Row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join("  ");
  writeLine(paint("bold", aligned(head)));
  for (const row of rows) writeLine(row[1] === "held" ? paint("green", aligned(row)) : aligned(row));
}

function writeDeadlock(links: readonly DeadlockLink[]): void {
  const paint = painter("stdout");
  writeLine(paint("red", "deadlock: each of these waits for the next one, and the last one for the first"));
  for (const { waiter, blocker } of links)
    writeLine(`  ${processOf(waiter)} waits for "${oneLine(waiter.name)}", which ${processOf(blocker)} has`);
}
