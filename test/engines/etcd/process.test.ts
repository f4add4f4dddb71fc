import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import test from "node:test";
import { openEtcdEngine } from "../../../src/engines/etcd/engine.ts";
import { message, start } from "../../fixtures/child.ts";
import { etcdMissing, startEtcd } from "../../fixtures/servers/etcd-server.ts";

const ENGINE = path.join(import.meta.dirname, "../../../src/engines/etcd/engine.ts");
const TTL = 2000;

test("processes on etcd", { skip: etcdMissing, concurrency: true, timeout: 60_000 }, async (suite) => {
  const server = await startEtcd();
  suite.after(() => server.stop());

  suite.test("stopped for twice its lease: the signal fires on the first turn, its writes are refused", async (t) => {
    const url = `etcd://${server.address}/stopped`;
    const holder = start(t, path.join(import.meta.dirname, "holder.ts"), url, String(TTL));
    assert.equal(await message(holder), "holding");
    const engine = await openEtcdEngine(url);
    t.after(() => engine.close());
    const gone = engine.watch([{ key: "held" }]);
    holder.kill("SIGSTOP");
    const stopped = performance.now();
    const [change] = (await gone.next()).value;
    const waited = performance.now() - stopped;
    assert.equal(change.type, "delete");
    // etcd looks for leases that ran out every half second.
    assert.ok(waited < TTL + 1000, `the others waited ${waited} ms`);
    await engine.commit({ mutations: [{ type: "set", key: "held", value: "heir" }] });
    await new Promise((resolve) => setTimeout(resolve, 2 * TTL - (performance.now() - stopped)));
    holder.kill("SIGCONT");
    const report = await message<{ code: string; turns: number; answers: number; late: boolean }>(holder);
    assert.deepEqual(
      { ...report, turns: report.turns <= 2 },
      { code: "ERR_STORE_SESSION_LOST", turns: true, answers: 0, late: false },
    );
    assert.equal(await engine.get("protected"), undefined);
    await gone.return?.();
  });

  suite.test("a process that is killed: its entries go after the time to live", async (t) => {
    const url = `etcd://${server.address}/killed`;
    const holder = start(t, path.join(import.meta.dirname, "holder.ts"), url, String(TTL));
    await message(holder);
    const engine = await openEtcdEngine(url);
    t.after(() => engine.close());
    const gone = engine.watch([{ key: "held" }]);
    holder.kill("SIGKILL");
    const killed = performance.now();
    assert.equal((await gone.next()).value[0].type, "delete");
    assert.ok(performance.now() - killed < TTL + 1000);
    await gone.return?.();
  });

  const program = (body: string) => `
    const { openEtcdEngine } = await import(${JSON.stringify(ENGINE)});
    const engine = await openEtcdEngine("etcd://${server.address}/exits");
    const session = await engine.openSession();
    await engine.commit({ mutations: [{ type: "set", key: "a", value: "1", session: session.id }] });
    ${body}`;

  suite.test("a session and watches that nobody waits for let a process end by itself", async (t) => {
    const body = `
      const idle = engine.watch([{ key: "a" }]);
      engine.watch([{ key: "a" }], { keepAlive: false }).next();
      await engine.get("a");`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program(body)], { stdio: "inherit" });
    t.after(() => child.kill("SIGKILL"));
    const begun = performance.now();
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.ok(performance.now() - begun < 5000);
  });

  suite.test("a pending next() holds the process until its change comes", async (t) => {
    const body = `
      const watch = engine.watch([{ key: "go" }]);
      await engine.get("a");
      console.log("waiting");
      await watch.next();
      console.log("came");`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program(body)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    const waiting = Promise.withResolvers<void>();
    child.stdout.on("data", (chunk) => {
      output += chunk;
      if (output.includes("waiting")) waiting.resolve();
    });
    const ended = once(child, "exit");
    await waiting.promise;
    const engine = await openEtcdEngine(`etcd://${server.address}/exits`);
    t.after(() => engine.close());
    const early = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000, "still there"))]);
    assert.equal(early, "still there");
    await engine.commit({ mutations: [{ type: "set", key: "go", value: "" }] });
    assert.deepEqual(await ended, [0, null]);
    assert.equal(output, "waiting\ncame\n");
  });
});
