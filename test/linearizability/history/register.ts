import { type CheckOptions, checkHistory, type Model, type Timed, type Verdict } from "./checker.ts";

/** One operation on one key. */
export interface Operation extends Timed {
  readonly process: number;
  readonly key: string;
  readonly action: Action;
  /** What it reported; of an operation with an unknown outcome it is empty. */
  readonly result: Result;
}

export type Action =
  | { readonly type: "get" }
  | { readonly type: "set"; readonly value: string }
  | { readonly type: "create"; readonly value: string }
  | { readonly type: "delete" }
  /** Sets `value` if the value is `expected`. */
  | { readonly type: "compareAndSet"; readonly expected: string; readonly value: string };

/** What is absent was not reported, and is not checked. */
export interface Result {
  /** Of a get; `null`: there is no such key. */
  readonly value?: string | null;
  /** Whether it was created, deleted (so it had been there), or exchanged. */
  readonly done?: boolean;
  /** The version of the entry that was got or written. */
  readonly version?: number;
}

export interface Register {
  readonly value: string | null;
  /** The version of the last write; if that was not reported, the version before, and not `exact`. */
  readonly version: number;
  readonly exact: boolean;
}

/** A key of the store: what each operation may report of it, and leaves behind. */
export const register: Model<Register, Operation> = {
  initial: { value: null, version: 0, exact: false },
  step(state, { action, result, unknown }) {
    switch (action.type) {
      case "get":
        if (unknown) return state;
        if (result.value !== undefined && result.value !== state.value) return undefined;
        if (result.version === undefined) return state;
        if (state.exact ? result.version !== state.version : result.version <= state.version) return undefined;
        return { ...state, version: result.version, exact: true };
      case "set":
        return write(state, action.value, result);
      case "create":
        return attempt(state, state.value === null, action.value, result);
      case "delete":
        return attempt(state, state.value !== null, null, result);
      case "compareAndSet":
        return attempt(state, state.value === action.expected, action.value, result);
    }
  },
  identify: (state) => `${state.version}${state.exact ? "=" : "<"}${JSON.stringify(state.value)}`,
};

function attempt(state: Register, possible: boolean, value: string | null, result: Result): Register | undefined {
  if (result.done !== undefined && result.done !== possible) return undefined;
  return possible ? write(state, value, result) : state;
}

function write(state: Register, value: string | null, result: Result): Register | undefined {
  if (result.version === undefined) return { value, version: state.version, exact: false };
  if (result.version <= state.version) return undefined;
  return { value, version: result.version, exact: true };
}

/** Checks each key by itself; the first that is not linearizable is what comes back. */
export function checkRegisters(
  operations: readonly Operation[],
  options?: CheckOptions,
): Verdict<Operation> & { readonly key?: string } {
  let steps = 0;
  for (const [key, ofKey] of Map.groupBy(operations, (operation) => operation.key)) {
    // A read whose result nobody saw says nothing.
    const telling = ofKey.filter((operation) => !(operation.unknown && operation.action.type === "get"));
    const verdict = checkHistory(register, telling, options);
    steps += verdict.steps;
    if (!verdict.linearizable) return { ...verdict, key };
  }
  return { linearizable: true, steps };
}

/** A line for each operation around the place where no order fits, for the message of a failed test. */
export function explain(verdict: Verdict<Operation>): string {
  if (verdict.linearizable) return "linearizable";
  const line = (operation: Operation) =>
    `  [${operation.call} … ${operation.return}] process ${operation.process}: ` +
    `${JSON.stringify(operation.action)} ${operation.unknown ? "unknown" : JSON.stringify(operation.result)}`;
  return [
    "not linearizable; in the longest order that fits, the last are",
    ...verdict.before.map(line),
    "and none of these can come next",
    ...verdict.stuck.map(line),
  ].join("\n");
}
