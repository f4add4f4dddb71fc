import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { type Invocation, Program } from "./program.ts";

interface Mistake extends Invocation {
  args: string[];
  status?: number;
  /** What standard error says: the value and the mend. */
  says: RegExp;
}

const long = "x".repeat(70_000);

/** Every mistake has its status and a message on standard error alone. */
const MISTAKES: Record<string, Mistake> = {
  "no verb": { args: [], says: /USAGE: .*Give a verb, such as get.*\nSee: ipctools --help/ },
  "an unknown verb": { args: ["gett"], says: /no verb "gett": get, set, create/ },
  "an unknown verb's help": { args: ["help", "gett"], says: /no verb "gett"/ },
  "an unknown option": { args: ["get", "a", "--frob"], says: /'--frob'.*\nSee: ipctools get --help/s },
  "an unknown option before the verb": { args: ["--frob", "get", "a"], says: /'--frob'/ },
  "an unknown short option": { args: ["get", "a", "-x"], says: /'-x'/ },
  "no key": { args: ["get"], says: /get needs KEY/ },
  "too many arguments": { args: ["get", "a", "b"], says: /get takes KEY: what is "b"\?/ },
  "arguments for a verb without any": { args: ["info", "x"], says: /info takes no arguments: what is "x"\?/ },
  "no value": { args: ["set", "a"], says: /set needs KEY VALUE\|-/ },
  "no value to create": { args: ["create", "a"], says: /create needs KEY VALUE\|-/ },
  "an option without its value": { args: ["get", "a", "--store"], says: /'--store <value>' argument missing/ },
  "an option that takes no value": { args: ["get", "a", "--json=1"], says: /'--json' does not take an argument/ },
  "an option twice": { args: ["get", "a", "--store", "a", "--store", "b"], says: /--store is given twice/ },
  "an empty location": { args: ["get", "a", "--store="], says: /--store must be a path or a URL; got ""/ },
  "a location of an unknown kind": { args: ["get", "a", "--store", "http://host/"], says: /http:\/\/host\// },
  "a time that is none": {
    args: ["get", "a", "--timeout", "soon"],
    says: /--timeout must be a time such as 1500.*"soon"/,
  },
  "a time below zero": { args: ["set", "a", "b", "--timeout", "-1"], says: /--timeout must be a time.*"-1"/ },
  "a time too long": { args: ["set", "a", "b", "--timeout", "1000h"], says: /--timeout must be a time.*"1000h"/ },
  "a life of no length": { args: ["set", "a", "b", "--ttl", "0"], says: /ttl must be .*got 0/ },
  "a life that is none": { args: ["create", "a", "b", "--ttl", "1y"], says: /--ttl must be a time.*"1y"/ },
  "a key that is too long": { args: ["get", long], says: /ERR_OUT_OF_RANGE: key must be at most 65536 bytes.*70000/ },
  "a prefix that is too long": { args: ["list", long], says: /ERR_OUT_OF_RANGE: prefix must be at most.*70000/ },
  "input that is no text": {
    args: ["set", "a", "-"],
    input: new Uint8Array([0x61, 0xff]),
    says: /standard input is not valid UTF-8.*base64/,
  },
  "a relative IPCTOOLS_STORE": {
    args: ["get", "a"],
    env: { IPCTOOLS_STORE: "store.db" },
    says: /IPCTOOLS_STORE must be a full path.*"store.db"/,
  },
  "a store that was never set": {
    args: ["get", "a", "--store", "none.db"],
    status: 3,
    says: /ERR_STORE_NOT_INITIALIZED: .*none\.db.*Set .+ first/,
  },
  "no list of a store that was never set": {
    args: ["list", "--store", "none.db"],
    status: 3,
    says: /ERR_STORE_NOT_INITIALIZED/,
  },
  "a file that is no store": {
    args: ["get", "a", "--store", "text.txt"],
    status: 3,
    says: /ERR_STORE_NOT_A_STORE: .*text\.txt/,
  },
  "a folder": { args: ["set", "a", "b", "--store", "."], status: 3, says: /ERR_STORE_\w+: / },
  "a folder that is not there": {
    args: ["set", "a", "b", "--store", "no/such/store.db"],
    status: 3,
    says: /ERR_STORE_\w+: .*no\/such/,
  },
};

for (const [name, { args, status = 2, says, ...invocation }] of Object.entries(MISTAKES)) {
  test(`${name}: status ${status}`, async (t) => {
    const program = new Program(t);
    fs.writeFileSync(path.join(program.folder, "text.txt"), "no store at all, only text");
    const outcome = await program.run(args, invocation);
    assert.match(outcome.stderr, says);
    assert.match(outcome.stderr, /^ipctools: \w+: /);
    assert.deepEqual({ ...outcome, stderr: "" }, { status, signal: null, stdout: "", stderr: "" });
    assert.doesNotMatch(outcome.stderr, /\n {4}at /, "a stack is nothing for a user");
  });
}

test("an argument that is no text", { skip: process.platform !== "linux" && "seen on Linux only" }, async (t) => {
  const program = new Program(t);
  const { spawnSync } = await import("node:child_process");
  const main = path.resolve("src/cli/main.ts");
  const script = `"${process.execPath}" "${main}" set key "$(printf 'a\\377')"`;
  const { status, stderr } = spawnSync("sh", ["-c", script], { env: program.env, encoding: "utf8" });
  assert.equal(status, 2);
  assert.match(stderr, /not valid UTF-8.*base64/);
  assert.equal(fs.existsSync(program.store), false);
});

test("--help says what there is, also of each verb", async (t) => {
  const program = new Program(t);
  const { stdout, stderr, status } = await program.run(["--help"]);
  assert.equal(status, 0);
  assert.equal(stderr, "");
  const { VERBS } = await import("../../src/cli/verbs.ts");
  for (const [verb, load] of Object.entries(VERBS)) {
    const { command } = await load();
    assert.ok(stdout.includes(`  ${verb} `), `${verb} is listed`);
    assert.ok(stdout.includes(command.summary));
  }
  assert.equal((await program.run(["help"])).stdout, stdout);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 120, line);
});

test("each verb explains itself, with an example's worth of options, and does nothing", async (t) => {
  const program = new Program(t);
  const { VERBS } = await import("../../src/cli/verbs.ts");
  await Promise.all(
    Object.entries(VERBS).map(async ([verb, load]) => {
      const { command } = await load();
      const help = await program.run([verb, "--help"]);
      assert.deepEqual([help.status, help.stderr], [0, ""]);
      assert.ok(help.stdout.startsWith(`Usage: ipctools ${verb} ${command.usage}`.trimEnd()), help.stdout);
      for (const option of Object.keys(command.options ?? {})) assert.ok(help.stdout.includes(`--${option}`));
      assert.equal((await program.run(["help", verb])).stdout, help.stdout);
    }),
  );
  assert.equal(fs.existsSync(program.store), false);
});

test("--version is the package's", async (t) => {
  const program = new Program(t);
  const { version } = JSON.parse(fs.readFileSync("package.json", "utf8"));
  for (const option of ["--version", "-V"]) assert.equal((await program.run([option])).stdout, `${version}\n`);
});

test("a password is shown nowhere", async (t) => {
  const program = new Program(t);
  for (const url of [
    "ftp://user:s3cret@host/",
    "redis://:s3cret@[",
    "etcd://user:s3/cr@et@host:x",
    "redis://u:s3cret@127.0.0.1:1/zero",
  ]) {
    const { status, stdout, stderr } = await program.run(["get", "a", "--store", url]);
    assert.notEqual(status, 0);
    assert.doesNotMatch(stdout + stderr, /s3\/?cr/);
    assert.match(stderr, /\*\*\*|ERR_/);
  }
});
