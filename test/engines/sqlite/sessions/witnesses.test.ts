import * as assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { openSqliteEngine } from "../../../../src/engines/sqlite/engine.ts";
import { sessionFolder } from "../../../../src/engines/sqlite/file/session-folder.ts";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { kill, message, start } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { until } from "../../../fixtures/until.ts";

const TENANT = path.join(import.meta.dirname, "tenant.ts");
const ASKER = path.join(import.meta.dirname, "asker.ts");
const isLinux = process.platform === "linux" ? false : "Linux shows descriptors and sockets under /proc";

/** A process that has a session with one entry. */
async function startOwner(t: TestContext, file: string) {
  const owner = start(t, TENANT, file);
  const key = await message<string>(owner);
  const [row] = sessionIds(file);
  return { owner, key, id: row! };
}

function sessionIds(file: string): string[] {
  return fs
    .readdirSync(sessionFolder(file))
    .filter((name) => name.endsWith(".lock"))
    .map((name) => name.slice(0, -".lock".length));
}

const sessionFile = (file: string, id: string, end: string) => path.join(sessionFolder(file), `${id}.${end}`);

/** What a process of another shell sees of the key; with few descriptors, or as another user. */
async function ask(file: string, key: string, trouble: "no descriptors" | "none", prefix: string) {
  const command = `${prefix} "$0" "$@"`;
  const { stdout } = await promisify(execFile)("sh", ["-c", command, process.execPath, ASKER, file, key, trouble]);
  return JSON.parse(stdout) as { created: string; value: string; keys: string };
}

/** The owner's entry is there, nobody else gets its key, and the owner itself has lost nothing. */
async function assertAlive(file: string, key: string): Promise<void> {
  const store = openStoreSync(file);
  assert.equal(store.createValue(key, "stolen"), false);
  assert.equal(store.getValue(key), "here");
  store.close();
  const waiting = await openStore(file);
  assert.equal(await waiting.create(key, "stolen"), false);
  assert.equal(await waiting.get(key), "here");
  await waiting.close();
}

test("a process that has no descriptor free takes nothing from a living owner", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const { key } = await startOwner(t, file);
  for (const limit of [40, 64, 128]) {
    const { created, value } = await ask(file, key, "no descriptors", `ulimit -n ${limit};`);
    assert.match(created, /^false$|^ERR_STORE_/, `with ${limit} descriptors`);
    assert.match(value, /^here$|^ERR_STORE_/, `with ${limit} descriptors`);
    await assertAlive(file, key);
  }
});

test("a user who may not look into the sessions' folder takes nothing from a living owner", {
  skip:
    process.getuid?.() !== 0 || spawnSync("setpriv", ["--version"]).error
      ? "only root can become another user, with setpriv"
      : false,
}, async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const { key } = await startOwner(t, file);
  fs.chmodSync(folder, 0o777);
  for (const name of fs.readdirSync(folder))
    if (name !== "store.db-sessions") fs.chmodSync(path.join(folder, name), 0o666);
  fs.chmodSync(sessionFolder(file), 0o700);
  const { created, value } = await ask(file, key, "none", "setpriv --reuid 65534 --clear-groups --");
  assert.match(created, /^false$|^ERR_STORE_/);
  assert.match(value, /^here$|^ERR_STORE_/);
  await assertAlive(file, key);
});

test("an owner that copies its own session's files loses nothing by it", async (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "store.db");
  const engine = await openSqliteEngine(file);
  t.after(() => engine.close());
  const session = await engine.openSession();
  const key = "bound";
  await engine.commit({ mutations: [{ type: "set", key, value: "here", session: session.id }] });
  for (let i = 0; i < 3; i++) {
    // The close() at the end of each copy drops every POSIX lock that this process has on the file.
    fs.cpSync(sessionFolder(file), path.join(folder, `copy ${i}`), {
      recursive: true,
      filter: (name) => !name.endsWith(".sock"),
    });
    const { created, value } = await ask(file, key, "none", "");
    assert.deepEqual([created, value], ["false", "here"]);
  }
  assert.equal(session.signal.aborted, false);
});

test("a lock file that somebody removes, empties or fills costs a living owner nothing", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const { owner, key, id } = await startOwner(t, file);
  const lock = sessionFile(file, id, "lock");
  fs.writeFileSync(lock, "something else ".repeat(100));
  await assertAlive(file, key);
  fs.truncateSync(lock);
  await assertAlive(file, key);
  fs.rmSync(lock);
  await assertAlive(file, key);
  await kill(owner);
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.equal(store.createValue(key, "mine"), true);
});

test("the end of an owner is told although somebody put another socket, or none, in the place of its own", {
  skip: isLinux,
}, async (t) => {
  for (const trick of ["replaced", "removed"]) {
    const file = path.join(temporaryFolder(t), "store.db");
    const { owner, key, id } = await startOwner(t, file);
    const socket = sessionFile(file, id, "sock");
    fs.rmSync(socket);
    if (trick === "replaced") {
      const stranger = net.createServer(() => {}).listen(socket);
      t.after(() => stranger.close());
      stranger.unref();
    }
    await assertAlive(file, key);
    const store = await openStore(file);
    const watch = store.watch(key);
    const change = watch.next();
    await store.get(key);
    await kill(owner);
    assert.equal((await change).value.type, "delete", trick);
    await store.close();
  }
});

test("a lock file of a dead owner that holds something else throws into no watcher", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const { owner, key, id } = await startOwner(t, file);
  const store = await openStore(file);
  t.after(() => store.close());
  const change = store.watch(key).next();
  await store.get(key);
  fs.writeFileSync(sessionFile(file, id, "lock"), "no database ".repeat(200));
  await kill(owner);
  assert.equal((await change).value.type, "delete");
});

test("a commit that succeeded says so, whatever clearing up after it meets", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const { owner, key } = await startOwner(t, file);
  await kill(owner);
  fs.rmSync(sessionFolder(file), { recursive: true });
  fs.writeFileSync(sessionFolder(file), "a file in the place of the folder");
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.equal(store.createValue(key, "mine"), true);
  assert.equal(store.getValue(key), "mine");
});

test("stores that were opened and closed beside a long watch leave no descriptor behind", {
  skip: isLinux,
}, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const watching = await openStore(file);
  t.after(() => watching.close());
  const watch = watching.watch({ prefix: "" });
  const pending = watch.next();
  const descriptors = () => fs.readdirSync("/proc/self/fd").length;
  const cycle = async (i: number) => {
    const store = await openStore(file);
    await store.set(`ephemeral ${i}`, "here", { ephemeral: true });
    await store.close();
  };
  await cycle(0);
  await until(() => descriptors() > 0);
  const before = descriptors();
  for (let i = 1; i <= 100; i++) await cycle(i);
  await until(() => descriptors() <= before + 3);
  assert.equal((await pending).done, false);
});

test("a process that watches very many owners has few connections, and hears of every end", {
  skip: isLinux,
}, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const OWNERS = 150;
  const owner = start(t, TENANT, file, String(OWNERS));
  const key = await message<string>(owner);
  const store = await openStore(file);
  t.after(() => store.close());
  const watch = store.watch({ prefix: key });
  const gone = new Set<string>();
  const all = (async () => {
    for await (const { type, key } of watch) {
      if (type === "delete") gone.add(key);
      if (gone.size === OWNERS) return;
    }
  })();
  await store.get(key);
  const isSocket = (descriptor: string) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
    } catch {
      return false; // The descriptor of the listing itself is gone by now.
    }
  };
  const sockets = () => fs.readdirSync("/proc/self/fd").filter(isSocket).length;
  const before = sockets();
  await until(() => sockets() > before + 20);
  // The connections are made at once, so that many more would be there by now.
  await store.get(key);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(sockets() < before + 50, `${sockets()} sockets`);
  await kill(owner);
  await all;
});

test("processes with few descriptors that watch each other's many sessions lose none of them", {
  skip: isLinux,
}, async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const PROCESSES = 6;
  const SESSIONS = 6;
  const tenants = Array.from({ length: PROCESSES }, () => {
    const args = ["-c", 'ulimit -n 110; exec "$0" "$@"', process.execPath, TENANT, file, String(SESSIONS), "tenant "];
    const tenant = spawn("sh", args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    t.after(() => tenant.kill("SIGKILL"));
    return tenant;
  });
  const keys = await Promise.all(tenants.map((tenant) => message<string>(tenant)));
  const store = await openStore(file);
  t.after(() => store.close());
  const count = async (prefix: string) => {
    let number = 0;
    for await (const _ of store.keys({ prefix })) number++;
    return number;
  };
  const watch = store.watch({ prefix: keys[0]! });
  for (let look = 0; look < 10; look++) {
    assert.equal(await count("tenant "), PROCESSES * SESSIONS);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await kill(tenants[0]!);
  const gone = new Set<string>();
  for await (const { type, key } of watch) {
    if (type === "delete") gone.add(key);
    if (gone.size === SESSIONS) break;
  }
  assert.equal(await count("tenant "), (PROCESSES - 1) * SESSIONS);
});
