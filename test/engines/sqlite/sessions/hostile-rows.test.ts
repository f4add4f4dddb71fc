import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { openStore, openStoreSync } from "../../../../src/index.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { until } from "../../../fixtures/until.ts";

const KINDS = [".lock", ".bell", ".sock"];

interface Victim {
  readonly store: string;
  /** How many connections came to the victim's socket, and over TCP. */
  readonly connections: () => number;
  /** The victim's files with their times, modes and contents. */
  readonly state: () => unknown;
  readonly port: number;
}

/** A store whose rows name sessions that are none, beside the files of another program. */
async function hostileStore(t: TestContext, ids: (port: number) => readonly string[]): Promise<Victim> {
  const folder = temporaryFolder(t);
  const victim = path.join(folder, "victim");
  fs.mkdirSync(victim);
  let connections = 0;
  const listen = async (place: net.ListenOptions) => {
    const server = net.createServer((socket) => {
      connections++;
      socket.destroy();
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(place, resolve));
    return server;
  };
  await listen({ path: path.join(victim, "app.sock") });
  const server = await listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.address() as net.AddressInfo;
  for (const kind of [".lock", ".bell"]) fs.writeFileSync(path.join(victim, `app${kind}`), "mine");
  const files = KINDS.map((kind) => path.join(victim, `app${kind}`));
  for (const file of files) fs.utimesSync(file, 1000, 1000);

  const store = path.join(folder, "store.db");
  const blocking = openStoreSync(store);
  blocking.setValue("plain", "1");
  blocking.close();
  const db = new DatabaseSync(store);
  for (const [i, id] of ids(port).entries()) {
    const add = (sql: string) => db.exec(sql.replaceAll("$id", id));
    add("INSERT OR IGNORE INTO ipctools_session VALUES ($id, 1, '1', '1', 0)");
    add(`INSERT INTO store VALUES ('bound ${i}', 'x', 1, 1, $id, NULL)`);
    add(`INSERT INTO ipctools_entry VALUES ('election/e/${i}', '{"pid":1}', 1, 1, $id, NULL)`);
    add("INSERT OR IGNORE INTO ipctools_key_watcher VALUES (0, 'plain', $id)");
    add("INSERT INTO ipctools_range_watcher VALUES (0, '', NULL, $id)");
    db.exec("UPDATE ipctools_version SET watchers = watchers + 2");
  }
  db.close();
  const state = () =>
    files.map((file) => {
      const { mtimeMs, mode, ino } = fs.lstatSync(file);
      return [file, mtimeMs, mode, ino];
    });
  return { store, connections: () => connections, state, port };
}

/** Ids as SQL writes them. */
const IDS = (port: number) => [
  "'../victim/app'",
  "'../../../../../../../../tmp/app'",
  "'/etc/app'",
  `${port}`,
  `'${port}'`,
  "''",
  "'.'",
  `'${"a".repeat(5000)}'`,
  `'${"../".repeat(2000)}'`,
  "'0123456789abcdef\n'",
  "'0123456789ABCDEF'",
  "x'2e2e2f'",
];

test("session ids that are none: no file outside is touched, nobody is called, and what is bound to them goes", {
  skip: process.platform === "win32" && "sockets are no files there",
}, async (t) => {
  const {
    store: file,
    connections,
    state,
  } = await hostileStore(t, (port) => IDS(port).filter((id) => !id.startsWith("x")));
  const before = state();
  const store = await openStore(file);
  t.after(() => store.close());
  const changes = store.watch({ prefix: "" });
  const seen = changes.next();
  for (let i = 0; i < IDS(0).length; i++) assert.equal(await store.get(`bound ${i}`), undefined);
  await store.set("plain", "2");
  await seen;
  const candidacy = store.elect("e");
  await candidacy.won;
  const keys: string[] = [];
  for await (const { key } of store.list()) keys.push(key);
  assert.deepEqual(keys, ["plain"]);
  const blocking = openStoreSync(file);
  t.after(() => blocking.close());
  assert.equal(blocking.getValue("bound 0"), undefined);
  blocking.setValue("plain", "3");
  assert.deepEqual(blocking.keys(), ["plain"]);
  // The dead sessions are cleared away together with what they watch.
  const db = new DatabaseSync(file);
  t.after(() => db.close());
  const count = (table: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n);
  await until(() => count("store") === 1);
  assert.deepEqual(state(), before);
  assert.equal(connections(), 0);
});

test("an id that is bytes is ERR_STORE_DAMAGED, and touches nothing", {
  skip: process.platform === "win32" && "sockets are no files there",
}, async (t) => {
  const { store: file, connections, state } = await hostileStore(t, () => ["x'2e2e2f76696374696d2f617070'"]);
  const before = state();
  const store = openStoreSync(file);
  t.after(() => store.close());
  assert.throws(() => store.getValue("bound 0"), { code: "ERR_STORE_DAMAGED" });
  store.setValue("plain", "2");
  assert.equal(store.getValue("plain"), "2");
  assert.deepEqual(state(), before);
  assert.equal(connections(), 0);
});

/** What may be in the place of the lock file of an owner that died. */
const LOCKS: Record<string, (file: string) => void> = {
  nothing: () => {},
  text: (file) => fs.writeFileSync(file, "no database ".repeat(200)),
  "the beginning of a database": (file) => fs.writeFileSync(file, "SQLite format 3\0"),
  "a database whose pages are zeros": (file) => {
    fs.writeFileSync(file, Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(8192)]));
  },
  "a database of another program": (file) => {
    const db = new DatabaseSync(file);
    db.exec("CREATE TABLE a (b); CREATE TRIGGER c AFTER INSERT ON a BEGIN SELECT 1; END");
    db.close();
  },
  "a damaged database": (file) => {
    const db = new DatabaseSync(file);
    db.exec("CREATE TABLE a (b)");
    db.close();
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.fill(0x5a, 100));
  },
};

test("a damaged lock file says nothing about the store", (t) => {
  const id = "0123456789abcdef";
  for (const [what, damage] of Object.entries(LOCKS)) {
    const file = path.join(temporaryFolder(t), "store.db");
    const store = openStoreSync(file);
    t.after(() => store.close());
    store.setValue("plain", "1");
    const db = new DatabaseSync(file);
    db.exec(`INSERT INTO ipctools_session VALUES ('${id}', 999999999, '', '', 0)`);
    db.exec(`INSERT INTO store VALUES ('bound', 'x', 2, 2, '${id}', NULL)`);
    db.close();
    fs.mkdirSync(`${file}-sessions`, { recursive: true });
    damage(path.join(`${file}-sessions`, `${id}.lock`));
    assert.equal(store.getValue("bound"), undefined, what);
    assert.deepEqual(store.keys(), ["plain"], what);
    assert.equal(store.createValue("bound", "mine"), true, what);
  }
});
