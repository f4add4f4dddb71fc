import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { findPython, installPackages, whyMissing } from "./install.ts";
import type { Figures, Operation } from "./operation.ts";
import { operations } from "./ops/index.ts";
import type { Peer } from "./peer.ts";
import { peers } from "./peers/index.ts";
import { machineOf, markdown, type Report, type Result, versionsOf } from "./report.ts";
import { PrivateServers, type Servers } from "./servers.ts";
import { forkTask, type Task } from "./task.ts";

const HELP = `npm run bench -- [options]: ipctools beside what people use instead, in one run
  --only NAMES       these operations only, separated by commas: ${operations.map(({ name }) => name).join(", ")}
  --peers NAMES      these peers only (and those that the ratios refer to, but not with --quick): ${peers.map(({ name }) => name).join(", ")}
  --rounds N         rounds (default 5); the trials of a round alternate, and the medians over the rounds are shown
  --duration MS      how long a trial measures (default 300)
  --quick            one short round with the smallest sizes: shows that everything runs, and no more
  --no-install       takes what is installed; installs nothing
  --out FILE         where the report goes (default bench/.cache/report.md), with a .json beside it; in a file with the
                     lines <!-- bench --> and <!-- /bench -->, what is between them is replaced`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string" },
    duration: { type: "string" },
    quick: { type: "boolean", default: false },
    install: { type: "boolean", default: true },
    out: { type: "string", default: path.join(import.meta.dirname, ".cache", "report.md") },
    help: { type: "boolean", default: false },
  },
  allowNegative: true,
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

/** A trial takes seconds; one that hangs is a failure to show, not to wait for. */
const TRIAL_LIMIT = 180_000;

const rounds = options.quick ? 1 : count("rounds", options.rounds ?? "5");
const duration = options.quick ? 30 : count("duration", options.duration ?? "300");
const chosen = select("--only", options.only, operations);
const wantedPeers = select("--peers", options.peers, peers);
const references = new Set(options.quick ? [] : chosen.map(({ reference }) => reference));
const taking = peers.filter(
  (peer) =>
    (wantedPeers.includes(peer) || references.has(peer.name)) && chosen.some((operation) => takesPart(peer, operation)),
);

const home = fs.mkdtempSync(path.join(os.tmpdir(), "ipctools-bench-"));
const running = new PrivateServers();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, async () => {
    await cleanUp();
    process.exit(1);
  });
try {
  if (options.install) installPackages();
  const wanted = new Set(taking.flatMap((peer) => peer.server ?? []));
  const python = taking.some((peer) => peer.python !== undefined) ? findPython(options.install) : undefined;
  const servers: Servers = { ...(await running.start(wanted, home)), ...(python === undefined ? {} : { python }) };
  await measure(servers);
} finally {
  await cleanUp();
}

async function cleanUp(): Promise<void> {
  await running.stop();
  fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}

async function measure(servers: Servers): Promise<void> {
  const missing: Record<string, string> = {};
  for (const peer of taking) {
    const reason = whyMissing(peer, servers);
    if (reason !== undefined) missing[peer.name] = reason;
  }
  const plan = chosen.flatMap((operation) =>
    sizesOf(operation).flatMap((size) =>
      taking
        .filter((peer) => missing[peer.name] === undefined && takesPart(peer, operation))
        .map((peer) => ({ operation, peer, result: newResult(operation, peer, size) })),
    ),
  );
  for (let round = 0; round < rounds; round++) {
    for (const [index, { operation, peer, result }] of plan.entries()) {
      if (round >= (operation.mostRounds ?? rounds)) continue;
      progress(
        `round ${round + 1}/${rounds}, ${index + 1}/${plan.length}: ${operation.name} ${peer.name} ${result.size || ""}`,
      );
      const folder = fs.mkdtempSync(path.join(home, "trial-"));
      try {
        result.rounds.push(
          await trial({ operation: operation.name, peer: peer.name, folder, servers, duration, size: result.size }),
        );
      } catch (error) {
        result.failure = (error as Error).message;
      }
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  progress("");
  const report: Report = {
    machine: machineOf(home),
    versions: versionsOf(taking, missing),
    rounds,
    duration,
    results: plan.map(({ result }) => result),
    missing,
  };
  const text = markdown(report, operations, peers);
  console.log(text);
  write(options.out, text, report);
  const failures = report.results.filter(({ failure }) => failure !== undefined);
  for (const { operation, peer, failure } of failures) console.error(`${operation} on ${peer} failed: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}

function trial(task: Task): Promise<Figures> {
  const child = forkTask(task, {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  return new Promise((resolve, reject) => {
    let complaint = "";
    let figures: Figures | undefined;
    const limit = setTimeout(() => child.kill("SIGKILL"), TRIAL_LIMIT);
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.on("message", (message: { figures: Figures }) => {
      figures = message.figures;
    });
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      if (figures !== undefined && code === 0) resolve(figures);
      else reject(new Error(complaint.match(/^\w*Error.*$/m)?.[0] ?? `ended with ${code ?? signal}`));
    });
  });
}

function newResult(operation: Operation, peer: Peer, size: number): Result {
  return { operation: operation.name, peer: peer.name, size, rounds: [] };
}

function sizesOf({ sizes }: Operation): readonly number[] {
  return sizes === undefined ? [0] : options.quick ? sizes.quick : sizes.values;
}

function takesPart(peer: Peer, { needs, server, without }: Operation): boolean {
  return peer.does.includes(needs) && peer.server === server && !without?.includes(peer.name);
}

function select<T extends { readonly name: string }>(option: string, names: string | undefined, all: readonly T[]) {
  if (names === undefined) return all;
  const wanted = names.split(",");
  const unknown = wanted.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    console.error(`${option}: there is no ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }
  return all.filter(({ name }) => wanted.includes(name));
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`--${option}: ${text} is not a whole number from 1`);
  process.exit(2);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function write(file: string, text: string, report: Report): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const page = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const between = /(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/;
  if (between.test(page)) {
    fs.writeFileSync(
      file,
      page.replace(between, (_, begin, end) => `${begin}\n${text}\n${end}`),
    );
    return;
  }
  fs.writeFileSync(file, text);
  fs.writeFileSync(`${file.replace(/\.md$/, "")}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
}
