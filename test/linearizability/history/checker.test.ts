import * as assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkRegisters, type Operation, register } from "./register.ts";
import { randomNumbers, simulate } from "./simulation.ts";

type Written = Pick<Operation, "call" | "return" | "action"> & Partial<Operation>;

function operation(rest: Written): Operation {
  return { process: 0, key: "k", unknown: false, result: {}, ...rest };
}

function accepted(...history: Written[]): boolean {
  return checkRegisters(history.map(operation)).linearizable;
}

/** The definition itself: some order of all operations, or all but the unknown ones, keeps time and makes sense. */
function acceptedByTrying(history: readonly Operation[]): boolean {
  const search = (left: readonly Operation[], state: typeof register.initial): boolean => {
    if (left.every((operation) => operation.unknown)) return true;
    const firstReturn = Math.min(...left.map((operation) => operation.return));
    return left.some((operation, index) => {
      const others = left.toSpliced(index, 1);
      if (operation.unknown && search(others, state)) return true;
      const after = operation.call <= firstReturn ? register.step(state, operation) : undefined;
      return after !== undefined && search(others, after);
    });
  };
  return search(history, register.initial);
}

const get = { type: "get" } as const;
const set = (value: string) => ({ type: "set", value }) as const;
const create = (value: string) => ({ type: "create", value }) as const;
const remove = { type: "delete" } as const;
const exchange = (expected: string, value: string) => ({ type: "compareAndSet", expected, value }) as const;

describe("the linearizability checker accepts", () => {
  test("nothing at all", () => assert.ok(accepted()));

  test("one operation after the other", () =>
    assert.ok(
      accepted(
        { call: 1, return: 2, action: get, result: { value: null } },
        { call: 3, return: 4, action: create("a"), result: { done: true, version: 1 } },
        { call: 5, return: 6, action: create("b"), result: { done: false } },
        { call: 7, return: 8, action: exchange("a", "c"), result: { done: true, version: 2 } },
        { call: 9, return: 10, action: get, result: { value: "c", version: 2 } },
        { call: 11, return: 12, action: remove, result: { done: true } },
        { call: 13, return: 14, action: get, result: { value: null } },
      ),
    ));

  test("a read beside a write, seeing it or not, and one reader seeing it before the writer is told", () => {
    for (const value of ["a", "b"])
      assert.ok(
        accepted(
          { call: 1, return: 2, action: set("a") },
          { call: 3, return: 8, action: set("b") },
          { call: 4, return: 5, action: get, result: { value } },
          { call: 6, return: 7, action: get, result: { value: "b" } },
        ),
      );
  });

  test("a write that was lost and took effect long afterwards, or never", () => {
    const lost = { call: 1, return: Infinity, action: set("lost"), unknown: true };
    const kept = { call: 2, return: 3, action: set("kept") };
    assert.ok(accepted(lost, kept, { call: 4, return: 5, action: get, result: { value: "kept" } }));
    assert.ok(accepted(lost, kept, { call: 4, return: 5, action: get, result: { value: "lost" } }));
  });
});

describe("the linearizability checker rejects", () => {
  test("a stale read", () =>
    assert.ok(
      !accepted(
        { call: 1, return: 2, action: set("a") },
        { call: 3, return: 4, action: set("b") },
        { call: 5, return: 6, action: get, result: { value: "a" } },
      ),
    ));

  test("two readers that see two writes in different orders", () =>
    assert.ok(
      !accepted(
        { call: 1, return: 9, action: set("a") },
        { call: 1, return: 9, action: set("b") },
        { call: 2, return: 3, action: get, result: { value: "a" } },
        { call: 4, return: 5, action: get, result: { value: "b" } },
        { call: 6, return: 7, action: get, result: { value: "a" } },
      ),
    ));

  test("a lost update: two exchanges of the same value", () =>
    assert.ok(
      !accepted(
        { call: 1, return: 2, action: set("0") },
        { call: 3, return: 6, action: exchange("0", "1"), result: { done: true } },
        { call: 4, return: 7, action: exchange("0", "2"), result: { done: true } },
      ),
    ));

  test("a lost write: acknowledged, then not there", () =>
    assert.ok(
      !accepted({ call: 1, return: 2, action: set("a") }, { call: 3, return: 4, action: get, result: { value: null } }),
    ));

  test("a double create", () =>
    assert.ok(
      !accepted(
        { call: 1, return: 4, action: create("a"), result: { done: true } },
        { call: 2, return: 5, action: create("b"), result: { done: true } },
      ),
    ));

  test("a create that failed although there was nothing", () =>
    assert.ok(!accepted({ call: 1, return: 2, action: create("a"), result: { done: false } })));

  test("a lost write that comes and goes and comes", () =>
    assert.ok(
      !accepted(
        { call: 1, return: Infinity, action: set("lost"), unknown: true },
        { call: 2, return: 3, action: get, result: { value: "lost" } },
        { call: 4, return: 5, action: set("kept") },
        { call: 6, return: 7, action: get, result: { value: "lost" } },
      ),
    ));

  test("a write that comes to light after its process was seen dead", () =>
    assert.ok(
      !accepted(
        { call: 1, return: 3, action: set("lost"), unknown: true },
        { call: 4, return: 5, action: get, result: { value: null } },
        { call: 6, return: 7, action: get, result: { value: "lost" } },
      ),
    ));

  test("a version that does not grow, or that is not the one that was written", () => {
    const first = { call: 1, return: 2, action: set("a"), result: { version: 5 } };
    assert.ok(!accepted(first, { call: 3, return: 4, action: set("b"), result: { version: 5 } }));
    assert.ok(!accepted(first, { call: 3, return: 4, action: get, result: { value: "a", version: 6 } }));
  });

  test("one bad key among good ones", () => {
    const history = ["a", "b", "c"].flatMap((key) =>
      simulate({ seed: 7, processes: 4, operations: 50, unknown: 0 }).map((one) => ({ ...one, key })),
    );
    assert.ok(checkRegisters(history).linearizable);
    history.push(operation({ key: "b", call: 1e6, return: 1e6 + 1, action: get, result: { value: "never written" } }));
    const verdict = checkRegisters(history);
    assert.ok(!verdict.linearizable && verdict.key === "b");
  });
});

test("refuses what is no history, and gives up with an error", () => {
  assert.throws(() => accepted({ call: 2, return: 1, action: get }), RangeError);
  assert.throws(() => accepted({ call: 2, return: Infinity, action: get }), RangeError);
  const history = simulate({ seed: 1, processes: 4, operations: 50, unknown: 0 });
  assert.throws(() => checkRegisters(history, { steps: 10 }), /not decided/);
});

test("agrees with the definition on small random histories, right and wrong ones", () => {
  const counts = { yes: 0, no: 0 };
  for (let seed = 1; seed <= 3000; seed++) {
    const random = randomNumbers(seed);
    const pick = (count: number) => Math.floor(random() * count);
    const history = Array.from({ length: 2 + pick(5) }, (): Operation => {
      const call = pick(10);
      const unknown = pick(4) === 0;
      const value = "abc"[pick(3)]!;
      const actions = [get, get, set(value), create(value), remove, exchange("abc"[pick(3)]!, value)];
      const action = actions[pick(actions.length)]!;
      const result =
        unknown || action.type === "set"
          ? {}
          : action === get
            ? { value: [null, "a", "b", "c"][pick(4)]! }
            : { done: pick(2) === 0 };
      const end = unknown && pick(2) === 0 ? Infinity : call + pick(6);
      return operation({ call, return: end, action, unknown, result });
    });
    const expected = acceptedByTrying(history);
    counts[expected ? "yes" : "no"]++;
    assert.equal(checkRegisters(history).linearizable, expected, `seed ${seed}: ${JSON.stringify(history, null, 1)}`);
  }
  assert.ok(counts.yes > 300 && counts.no > 300, JSON.stringify(counts));
});

test("accepts long random histories of a correct store, and rejects them with one result changed", () => {
  let changed = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const history = simulate({ seed, processes: 8, operations: 300, unknown: seed % 3 === 0 ? 0.02 : 0 });
    const verdict = checkRegisters(history);
    assert.ok(verdict.linearizable, `seed ${seed}`);
    const bad = withStaleRead(history, seed);
    if (!bad) continue;
    changed++;
    assert.ok(!checkRegisters(bad).linearizable, `seed ${seed}, with a stale read`);
  }
  assert.ok(changed > 25, `${changed} changed`);
});

/** Makes one read return a value that had been overwritten for good before the read began. */
function withStaleRead(history: readonly Operation[], seed: number): Operation[] | undefined {
  const random = randomNumbers(seed);
  const sets = history.filter((one) => one.action.type === "set" && !one.unknown);
  const reads = history.filter((one) => one.action.type === "get" && !one.unknown);
  while (reads.length > 0) {
    const read = reads.splice(Math.floor(random() * reads.length), 1)[0]!;
    const later = sets.filter((one) => one.return < read.call);
    const old = later.find((one) => later.some((other) => one.return < other.call));
    if (old?.action.type !== "set") continue;
    const bad: Operation = { ...read, result: { value: old.action.value } };
    return history.map((one) => (one === read ? bad : one));
  }
  return undefined;
}
