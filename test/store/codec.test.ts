import * as assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { bytes, json, openStore, openStoreSync, type StandardSchema } from "../../src/index.ts";
import { temporaryFolder } from "../fixtures/temporary-folder.ts";

interface User {
  readonly name: string;
  readonly age: number;
}

const user: StandardSchema<unknown, User> = {
  "~standard": {
    version: 1,
    vendor: "test",
    async validate(value) {
      const { name, age } = Object(value) as Partial<User>;
      if (typeof name !== "string") return { issues: [{ message: "expected a string", path: ["name"] }] };
      if (typeof age !== "number") return { issues: [{ message: "expected a number", path: [{ key: "age" }] }] };
      return { value: { name, age } };
    },
  },
};

test("the same file through several codecs, and through the functions that block", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const seed = openStoreSync(file);
  const text = await openStore(file);
  const objects = await openStore(file, { codec: json<{ n: number }>() });
  const binary = await openStore(file, { codec: bytes });
  t.after(() => Promise.all([seed.close(), text.close(), objects.close(), binary.close()]));
  seed.setValue("a", "from the seed");
  assert.equal(await text.get("a"), "from the seed");
  await text.set("b", "from the store");
  assert.equal(seed.getValue("b"), "from the store");
  await objects.set("c", { n: 1 });
  assert.equal(seed.getValue("c"), '{"n":1}');
  assert.deepEqual(await objects.update("c", (value) => ({ n: value!.n + 1 })), { n: 2 });
  await binary.set("d", new Uint8Array([0, 255, 0]));
  assert.deepEqual(await binary.get("d"), new Uint8Array([0, 255, 0]));
  for (const wrong of [objects.get("a"), text.get("d"), binary.get("a"), objects.get("d")])
    await assert.rejects(wrong, { code: "ERR_STORE_CODEC", name: "StoreError" });
  assert.throws(() => seed.getValue("d"), { code: "ERR_STORE_CODEC" });
  assert.equal(await objects.has("a"), true);
  for (const bad of [undefined, () => 1, 1n] as never[])
    await assert.rejects(objects.set("e", bad), { code: "ERR_INVALID_ARG_TYPE" });
  await assert.rejects(binary.set("e", "text" as never), { code: "ERR_INVALID_ARG_TYPE" });
  assert.equal(await text.has("e"), false);
});

test("a schema decides what is written and what is read", async (t) => {
  const file = path.join(temporaryFolder(t), "store.db");
  const users = await openStore(file, { codec: json(user) });
  t.after(() => users.close());
  await users.set("u", { name: "Ada", age: 36 });
  const read: User | undefined = await users.get("u");
  assert.deepEqual(read, { name: "Ada", age: 36 });
  await assert.rejects(users.set("u", { name: "Ada" } as User), {
    code: "ERR_INVALID_ARG_VALUE",
    message: /age: expected a number/,
  });
  const plain = openStoreSync(file);
  plain.setValue("v", '{"name":1}');
  plain.setValue("w", "{");
  plain.close();
  await assert.rejects(users.get("v"), { code: "ERR_STORE_CODEC", message: /"v".*name: expected a string/ });
  await assert.rejects(users.get("w"), { code: "ERR_STORE_CODEC" });
  assert.throws(() => json({} as never), { code: "ERR_INVALID_ARG_TYPE" });
});
