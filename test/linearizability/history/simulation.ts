import type { Action, Operation, Result } from "./register.ts";
import { register } from "./register.ts";

/** A random number generator with a seed (mulberry32), so that a failure can be had again. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface SimulationOptions {
  readonly seed: number;
  readonly processes: number;
  readonly operations: number;
  /** The part of the operations whose caller never learns the outcome, from 0 to 1. */
  readonly unknown: number;
}

/**
 * A history of one key as a correct store would make it: each process calls, the operation takes effect at one moment,
 * the process returns; the moments of different processes interleave at random.
 */
export function simulate({ seed, processes, operations, unknown }: SimulationOptions): Operation[] {
  const random = randomNumbers(seed);
  const pick = (count: number) => Math.floor(random() * count);
  let state = register.initial;
  let clock = 0;
  let written = 0;
  let revision = 0;
  const history: Operation[] = [];
  const seen: string[] = ["never"];
  type Running = { process: number; call: number; action: Action; lost: boolean; result?: Result };
  const running: Running[] = [];
  const orphans: Action[] = [];
  let next = processes;
  const idle = Array.from({ length: processes }, (_, process) => process);
  while (history.length < operations) {
    clock++;
    if (running.length === 0 || (idle.length > 0 && pick(3) === 0)) {
      const process = idle.splice(pick(idle.length), 1)[0]!;
      running.push({ process, call: clock, action: someAction(), lost: random() < unknown });
      continue;
    }
    // What was lost may still be on its way, and arrive long after its caller was gone.
    if (orphans.length > 0 && pick(4) === 0) takeEffect(orphans.splice(pick(orphans.length), 1)[0]!);
    const at = pick(running.length);
    const one = running[at]!;
    if (!one.lost && !one.result) {
      one.result = takeEffect(one.action);
      continue;
    }
    let end = clock;
    if (one.lost) {
      const fate = pick(4);
      if (fate === 0) takeEffect(one.action);
      else if (fate === 1) orphans.push(one.action);
      if (fate === 1 || fate === 3) end = Infinity;
    }
    running.splice(at, 1);
    const { process, call, action, lost, result } = one;
    history.push({ process, key: "k", call, return: end, unknown: lost, action, result: result ?? {} });
    idle.push(lost ? next++ : process);
  }
  // Those that still run when the recording ends.
  for (const { process, call, action } of running)
    history.push({ process, key: "k", call, return: Infinity, unknown: true, action, result: {} });
  return history;

  function someAction(): Action {
    const value = `v${++written}`;
    switch (pick(6)) {
      case 0:
        seen.push(value);
        return { type: "set", value };
      case 1:
        seen.push(value);
        return { type: "create", value };
      case 2:
        return { type: "delete" };
      case 3:
        seen.push(value);
        return { type: "compareAndSet", expected: state.value ?? seen[pick(seen.length)]!, value };
      default:
        return { type: "get" };
    }
  }

  function takeEffect(action: Action): Result {
    const before = state;
    const attempt: Operation = { process: 0, key: "k", call: 0, return: 0, unknown: false, action, result: {} };
    const after = register.step(before, attempt)!;
    const changed = after !== before;
    if (changed) state = { value: after.value, version: ++revision, exact: true };
    if (action.type === "get")
      return before.value === null ? { value: null } : { value: before.value, version: before.version };
    if (action.type === "set") return { version: state.version };
    if (action.type === "delete") return { done: changed };
    return changed ? { done: true, version: state.version } : { done: false };
  }
}
