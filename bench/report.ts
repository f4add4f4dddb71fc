import * as os from "node:os";
import { versionOf } from "./install.ts";
import type { Figures, Operation } from "./operation.ts";
import type { Peer } from "./peer.ts";
import { fileSystemOf } from "./servers.ts";
import { median } from "./timing.ts";

/** All that was found about an operation on a peer, at one size: the figures of each round. */
export interface Result {
  readonly operation: string;
  readonly peer: string;
  readonly size: number;
  readonly rounds: Figures[];
  failure?: string;
}

export interface Report {
  readonly machine: string;
  readonly versions: string;
  readonly rounds: number;
  readonly duration: number;
  readonly results: readonly Result[];
  readonly missing: Readonly<Record<string, string>>;
}

export function machineOf(folder: string): string {
  const [cpu] = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const system = `${os.type()} ${os.release().split("-")[0]}`;
  return `${os.availableParallelism()} cores (${cpu?.model.trim()}), ${memory} GiB, ${system}, ${fileSystemOf(folder)}, load average ${number(os.loadavg()[0]!)}`;
}

export function versionsOf(peers: readonly Peer[], missing: Report["missing"]): string {
  const packages = peers.filter(({ name }) => missing[name] === undefined).flatMap((peer) => peer.packages ?? []);
  const named = [...new Set(packages)].sort().map((name) => `${name} ${versionOf(name)}`);
  return [`Node ${process.versions.node}`, `SQLite ${process.versions.sqlite}`, ...named].join(", ");
}

export function markdown(report: Report, operations: readonly Operation[], peers: readonly Peer[]): string {
  const { machine, versions, rounds, duration, results, missing } = report;
  const lines = [
    `Machine: ${machine}.`,
    "",
    `Versions: ${versions}.`,
    "",
    `${rounds} interleaved round${rounds === 1 ? "" : "s"}; medians over the rounds, each trial a fresh process that measures for ${duration} ms.`,
    "",
  ];
  for (const operation of operations) {
    const found = results.filter((result) => result.operation === operation.name);
    if (found.length === 0) continue;
    lines.push(
      `### ${operation.title} (\`${operation.name}\`)`,
      "",
      operation.about,
      "",
      ...table(operation, found, peers),
      "",
    );
  }
  const absent = peers.filter(({ name }) => missing[name] !== undefined);
  if (absent.length > 0) {
    lines.push("### Missing", "");
    for (const { name, title } of absent) lines.push(`- ${title}: ${missing[name]}`);
    lines.push("");
  }
  return lines.join("\n");
}

function table({ figures, sizes, reference }: Operation, found: readonly Result[], peers: readonly Peer[]): string[] {
  const names = Object.keys(figures);
  const [first] = names as [string];
  const ratios = names.includes("processor") ? [first, "processor"] : [first];
  const heads = [
    "",
    ...(sizes ? [sizes.what] : []),
    ...names.map((name) => withUnit(name, figures[name]!)),
    ...ratios.map((name) => (name === first ? "ratio" : `ratio of ${name}`)),
    "rounds",
  ];
  const rows = found.map((result) => {
    const title = peers.find(({ name }) => name === result.peer)!.title;
    const cells = [title, ...(sizes ? [String(result.size)] : [])];
    if (result.rounds.length === 0)
      return [...cells, ...names.map(() => "–"), ...ratios.map(() => "–"), result.failure ?? "–"];
    const values = result.rounds.map((round) => round[first]!);
    const base =
      sizes?.base === undefined
        ? found.find(({ peer, size }) => peer === reference && size === result.size)
        : found.find(({ peer, size }) => peer === result.peer && size === sizes.base);
    return [
      ...cells,
      ...names.map((name) => number(median(result.rounds.map((round) => round[name]!)))),
      ...ratios.map((name) => (base === undefined ? "–" : ratio(result, base, name))),
      `${number(Math.min(...values))} – ${number(Math.max(...values))}`,
    ];
  });
  return aligned([heads, ...rows], sizes ? 1 : 0);
}

/** The median of the rounds' own ratios: what slowed a whole round down is in both. */
export function ratio(result: Result, base: Result, figure: string): string {
  const ratios = result.rounds.flatMap((round, index) => {
    const other = base.rounds[index];
    return other === undefined ? [] : [round[figure]! / other[figure]!];
  });
  return ratios.length === 0 ? "–" : `${number(median(ratios))} ×`;
}

function withUnit(name: string, unit: string): string {
  if (unit === "") return name;
  return unit === "/s" ? `${name} a second` : `${name}, ${unit}`;
}

/** Three significant digits, thousands set apart. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value === 0 ? 0 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function aligned([heads, ...rows]: string[][], left: number): string[] {
  const all = [heads!, ...rows];
  const widths = heads!.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i <= left - 1 || i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(heads!), rule, ...rows.map(line)];
}
