import * as assert from "node:assert/strict";
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { openStore } from "../../../../src/index.ts";
import { kill, message } from "../../../fixtures/child.ts";
import { temporaryFolder } from "../../../fixtures/temporary-folder.ts";
import { until } from "../../../fixtures/until.ts";

/*
 * Users of one group, and root, on one store, in real processes. The numbers need no names.
 */

const TENANT = path.join(import.meta.dirname, "../sessions/tenant.ts");
const MEMBER = path.join(import.meta.dirname, "group-member.ts");
const [ANNA, BERT, CARL] = [61_001, 61_002, 61_003] as const;
const GROUP = 61_100;
const skip =
  process.geteuid?.() !== 0 || spawnSync("setpriv", ["--version"]).error
    ? "needs root and setpriv, to become other users"
    : false;

/** Starts a program of ours as that user, who is in the group, with the umask 022. */
function startAs(t: TestContext, user: number, program: string, ...args: string[]): ChildProcess {
  const setpriv = ["--reuid", user, "--regid", user, "--groups", GROUP, "sh", "-c", 'umask 022; exec "$0" "$@"'];
  const child = fork(program, args, {
    execPath: "setpriv",
    execArgv: [...setpriv.map(String), process.execPath],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** What the member's calls came to; see `group-member.ts`. */
async function asMember(t: TestContext, user: number, file: string, key: string): Promise<unknown> {
  const child = startAs(t, user, MEMBER, file, key);
  const answer = await message(child);
  await kill(child);
  return answer;
}

function groupFolder(t: TestContext, mode: number): string {
  const outer = temporaryFolder(t);
  fs.chmodSync(outer, 0o755);
  const folder = path.join(outer, "shared");
  fs.mkdirSync(folder);
  fs.chownSync(folder, 0, GROUP);
  fs.chmodSync(folder, mode);
  return folder;
}

const bellsOf = (file: string) =>
  fs
    .readdirSync(`${file}-sessions`)
    .filter((name) => name.endsWith(".bell"))
    .map((name) => path.join(`${file}-sessions`, name));

for (const [kind, mode] of [
  ["with setgid", 0o2770],
  ["without setgid", 0o770],
] as const)
  test(`the members of a group share a store in a folder ${kind}, under umask 022`, { skip }, async (t) => {
    const folder = groupFolder(t, mode);
    const file = path.join(folder, "store.db");
    if (kind === "without setgid") {
      fs.writeFileSync(file, "");
      fs.chownSync(file, ANNA, GROUP);
      fs.chmodSync(file, 0o660);
    }
    const anna = startAs(t, ANNA, TENANT, file);
    const key = await message<string>(anna);
    const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    assert.equal(files.length, 7, `${files}`);
    for (const name of files) {
      const { gid, mode } = fs.statSync(path.join(folder, name));
      assert.deepEqual([gid, mode & 0o777], [GROUP, name.endsWith("-sessions") ? 0o770 : 0o660], name);
    }
    const [bell] = bellsOf(file);
    const before = fs.statSync(bell!).mtimeMs;
    const expected = { value: "here", created: false, ephemeral: "mine", lock: true };
    for (const user of [BERT, CARL]) assert.deepEqual(await asMember(t, user, file, key), expected);
    assert.ok(fs.statSync(bell!).mtimeMs > before, "nobody rang the bell of the member that watches");

    // Of a member that is killed the others hear, and they clear it away.
    const carl = startAs(t, CARL, MEMBER, file, key, "waits");
    await message(carl);
    await kill(anna);
    assert.deepEqual(await message(carl), { gone: key });
    await until(() => !fs.existsSync(bell!));
    await kill(carl);
  });

test("what root makes beside a user's store belongs to that user", { skip }, async (t) => {
  const folder = temporaryFolder(t);
  fs.chownSync(folder, ANNA, ANNA);
  const file = path.join(folder, "store.db");
  fs.writeFileSync(file, "");
  fs.chownSync(file, ANNA, ANNA);
  fs.chmodSync(file, 0o600);
  const store = await openStore(file);
  t.after(() => store.close());
  await store.set("bound", "root's", { ephemeral: true });
  const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
  assert.equal(names.length, 7, `${names}`);
  for (const name of names) {
    const { uid, gid, mode } = fs.statSync(path.join(folder, name));
    assert.deepEqual([uid, mode & 0o077], [ANNA, 0], name);
    if (!name.includes("-sessions")) assert.equal(gid, ANNA, name);
  }
  const anna = await asMember(t, ANNA, file, "bound");
  assert.deepEqual(anna, { value: "root's", created: false, ephemeral: "mine", lock: true });
});
