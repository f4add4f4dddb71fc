import * as assert from "node:assert/strict";
import { fork } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { oneLine, visible } from "../../../src/cli/print/output.ts";
import { openSqliteEngine } from "../../../src/engines/sqlite/engine.ts";
import { openStoreSync } from "../../../src/index.ts";
import { message } from "../../fixtures/child.ts";
import { Program } from "../program.ts";
import type { Called } from "./calls-child.ts";

/** Colors, a title, C1 controls, a changed direction, and characters that cannot be seen. */
const HOSTILE =
  "k\u001b[31m\u001b]0;t\u0007\u009b2J\u0085\u007f\u202e\u2066\u061c\u200b\u200f\u2060\ufeff\u00ad\u{e0041}\r\n\\z";
/** What no output may hold beside a newline and a tab, written out apart from the source's own expression. */
const ACTIVE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]/u;

/** A store in which everything that a stranger can name is hostile. */
async function hostileStore(t: TestContext): Promise<{ program: Program; folder: string; store: string }> {
  const program = new Program(t);
  // In a folder of its own: the tests of a path without hostile text stay readable.
  const folder = path.join(program.folder, HOSTILE.replaceAll("\\", ""));
  fs.mkdirSync(folder);
  const store = path.join(folder, "store.db");
  const engine = program.with(await openSqliteEngine(store));
  const session = (await engine.openSession()).id;
  const other = (await engine.openSession()).id;
  const record = (granted: boolean) =>
    JSON.stringify({ pid: 1, host: HOSTILE, command: HOSTILE, since: 0, ...(granted && { granted }) });
  const place = (lock: string, number: number, session: string, granted: boolean) => {
    const key = `lock/${encodeURIComponent(`${HOSTILE}${lock}`)}/shared/${session}-${number}`;
    return { type: "set", space: "system", key, value: record(granted), session } as const;
  };
  const exclusive = (lock: string, number: number, session: string) => {
    const key = `lock/${encodeURIComponent(`${HOSTILE}${lock}`)}/exclusive/${session}-${number}`;
    return { type: "set", space: "system", key, value: record(false), session } as const;
  };
  await engine.commit({ mutations: [{ type: "set", key: HOSTILE, value: "plain" }] });
  await engine.commit({ mutations: [{ type: "set", key: `${HOSTILE} bytes`, value: new Uint8Array([1]) }] });
  // A circle of two sessions that wait for each other.
  for (const mutation of [
    place("a", 1, session, true),
    place("b", 2, other, true),
    exclusive("a", 3, other),
    exclusive("b", 4, session),
  ])
    await engine.commit({ mutations: [mutation] });
  return { program, folder, store };
}

test("whatever is not the value itself is printed with escapes, by every verb", {
  skip: process.platform === "win32",
}, async (t) => {
  const { program, folder, store } = await hostileStore(t);
  const port = await hostileServer(t);
  const plain = path.join(program.folder, "plain.db");
  const other = openStoreSync(plain);
  other.setValue(HOSTILE, "another");
  other.close();
  const calls: [status: number, ...args: string[]][] = [
    [0, "list"],
    [0, "list", "-v"],
    [0, "list", "--json"],
    [0, "watch", "--prefix", "", "--current", "--count", "2"],
    [0, "watch", "--prefix", "", "--current", "--count", "2", "--json"],
    [0, "get", HOSTILE],
    [0, "get", HOSTILE, "--json"],
    [3, "get", `${HOSTILE} bytes`],
    [1, "get", `${HOSTILE} none`],
    [1, "create", HOSTILE, "1", "--json"],
    [1, "delete", `${HOSTILE} none`, "--json"],
    [0, "wait", HOSTILE, "--json"],
    [0, "locks"],
    [0, "locks", "--json"],
    [0, "info"],
    [0, "info", "--json"],
    [127, "lock", HOSTILE, "--", HOSTILE],
    [127, "elect", HOSTILE, "--", HOSTILE],
    [127, "once", HOSTILE, "--", HOSTILE],
    [1, "copy", store, plain],
    [2, "copy", store, store],
    [3, "get", "a", "--store", folder],
    [3, "get", "a", "--store", folder, "--json"],
    [3, "get", "a", "--store", `redis://127.0.0.1:${port}`, "--timeout", "1s"],
    [3, "get", "a", "--store", `redis://127.0.0.1:${port}`, "--timeout", "1s", "--json"],
    [2, HOSTILE],
    [2, "get", `--${HOSTILE}`],
    [2, "get", "a", "b", HOSTILE],
    [2, "get", "a", "--timeout", HOSTILE],
    [2, "wait", "a", HOSTILE, "--gone"],
    [2, "lock", "a", "--signal", HOSTILE, "--", "true"],
  ];
  const child = fork(path.join(import.meta.dirname, "calls-child.ts"), {
    execArgv: [],
    env: { ...program.env, IPCTOOLS_STORE: store },
  });
  t.after(() => child.kill("SIGKILL"));
  child.send(calls.map(([, ...args]) => args));
  const outcomes = await message<Called[]>(child);
  for (const [i, [status, ...args]] of calls.entries()) {
    const outcome = outcomes[i]!;
    assert.equal(outcome.status, status, `${JSON.stringify(args)}: ${outcome.printed}`);
    assert.doesNotMatch(outcome.printed, ACTIVE, JSON.stringify([args, outcome.printed]));
  }
  assert.match(outcomes.map(({ printed }) => printed).join(""), /^deadlock: /m);
});

test("--json is exact all the same", async (t) => {
  const program = new Program(t);
  await program.run(["set", HOSTILE, HOSTILE]);
  const { stdout } = await program.run(["list", "--json"]);
  const { key, value } = JSON.parse(stdout);
  assert.deepEqual([key, value], [HOSTILE, HOSTILE]);
});

test("what can be seen stays as it is; a line can be had back", () => {
  const seen = 'a key: ключ, 鍵, مفتاح, 💥 and (a) "quoted" one';
  assert.equal(visible(seen), seen);
  assert.equal(oneLine("a\\b"), "a\\\\b");
  assert.equal(JSON.parse(`"${oneLine(HOSTILE)}"`), HOSTILE);
  assert.equal(visible("\ud800"), "\\ud800");
});

/** A server that answers everything with an error whose text would act on a terminal. */
async function hostileServer(t: TestContext): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`-ERR ${HOSTILE.replace("\r\n", "")}\r\n`));
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as net.AddressInfo).port;
}
