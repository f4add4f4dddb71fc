/*
 * Whether a history of concurrent operations could have been produced by doing them one at a time, each at some moment
 * between its call and its return (Herlihy and Wing: "Linearizability: a correctness condition for concurrent objects").
 *
 * The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993) with the memory of Lowe
 * ("Testing for linearizability", 2017), as Porcupine does it: take any operation whose call comes before the first
 * return that is left, go back where none fits, and never search on from the same set of operations and the same state
 * twice. A history is checked key by key: it is linearizable exactly if the part of each key is (Herlihy and Wing's locality).
 */

/** When an operation ran, on a clock that all processes share. */
export interface Timed {
  /** Read before the call. */
  readonly call: number;
  /**
   * Read after the return. Of an operation whose outcome is unknown: the last moment at which it can have taken effect
   * (when its process was seen dead); `Infinity` if it may still be under way somewhere.
   */
  readonly return: number;
  /** The caller never learnt the outcome: it took effect once, or never. */
  readonly unknown: boolean;
}

/** What the operations should do when they are done one at a time. */
export interface Model<State, Operation> {
  readonly initial: State;
  /** The state after the operation, or `undefined` if the result that it reported is impossible here. */
  step(state: State, operation: Operation): State | undefined;
  /** Equal for equal states only. */
  identify(state: State): string;
}

export type Verdict<Operation> =
  | { readonly linearizable: true; readonly steps: number }
  | {
      readonly linearizable: false;
      readonly steps: number;
      /** Where the search that came furthest got stuck: what it had put last in order, and what then did not fit. */
      readonly before: readonly Operation[];
      readonly stuck: readonly Operation[];
    };

export interface CheckOptions {
  /** Throws a `RangeError` after so many steps: the history has too many operations of unknown outcome. Default 20 million. */
  readonly steps?: number;
}

/** Searches for an order in which all operations make sense. */
export function checkHistory<State, Operation extends Timed>(
  model: Model<State, Operation>,
  operations: readonly Operation[],
  options: CheckOptions = {},
): Verdict<Operation> {
  const search = new Search(model, operations, options.steps ?? 20_000_000);
  return search.run();
}

interface Frame<State> {
  readonly operation: number;
  readonly state: State;
  /** Whether the operation was left out, having an unknown outcome. */
  readonly dropped: boolean;
}

class Search<State, Operation extends Timed> {
  readonly #model: Model<State, Operation>;
  readonly #operations: readonly Operation[];
  readonly #limit: number;
  /** A doubly linked list of the events that are left; 0 is its head. An event is the call or the return of an operation. */
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  readonly #eventOperation: number[] = [-1];
  readonly #isCall: boolean[] = [false];
  readonly #callEvent: number[] = [];
  readonly #returnEvent: (number | undefined)[] = [];
  /** Operations that return some time, and those that may never, each in the order of their calls. */
  readonly #ending: number[] = [];
  readonly #endless: number[] = [];
  /** The place of an operation in `#ending`. */
  readonly #rank: number[] = [];
  readonly #done: boolean[];
  #lowest = 0;
  #returnsLeft = 0;
  readonly #seen = new Set<string>();
  readonly #stack: Frame<State>[] = [];

  constructor(model: Model<State, Operation>, operations: readonly Operation[], limit: number) {
    this.#model = model;
    this.#operations = operations.toSorted((a, b) => a.call - b.call);
    this.#limit = limit;
    this.#done = this.#operations.map(() => false);
    const events: { time: number; call: boolean; operation: number }[] = [];
    for (const [index, operation] of this.#operations.entries()) {
      if (!(operation.return >= operation.call)) throw new RangeError("an operation returns before it is called");
      if (!operation.unknown && operation.return === Infinity) throw new RangeError("an operation never returned");
      events.push({ time: operation.call, call: true, operation: index });
      if (operation.return === Infinity) this.#endless.push(index);
      else {
        this.#rank[index] = this.#ending.push(index) - 1;
        events.push({ time: operation.return, call: false, operation: index });
      }
    }
    // At the same instant calls come first: the two operations may have overlapped.
    events.sort((a, b) => a.time - b.time || Number(b.call) - Number(a.call));
    for (const event of events) {
      const id = this.#eventOperation.push(event.operation) - 1;
      this.#isCall.push(event.call);
      if (event.call) this.#callEvent[event.operation] = id;
      else this.#returnEvent[event.operation] = id;
    }
    const count = this.#eventOperation.length;
    for (let id = 0; id < count; id++) {
      this.#next.push((id + 1) % count);
      this.#previous.push((id + count - 1) % count);
    }
    this.#returnsLeft = this.#ending.length;
  }

  run(): Verdict<Operation> {
    let state = this.#model.initial;
    let cursor = this.#next[0]!;
    let steps = 0;
    let furthest: { before: Operation[]; stuck: Operation[] } = { before: [], stuck: [] };
    let furthestLeft = Infinity;
    // Known outcomes are tried first: what was not seen to happen is assumed only where it is needed.
    let unknowns = false;
    while (this.#returnsLeft > 0) {
      if (++steps > this.#limit) throw new RangeError(`not decided after ${this.#limit} steps`);
      const index = this.#eventOperation[cursor]!;
      if (cursor !== 0 && this.#isCall[cursor]) {
        const operation = this.#operations[index]!;
        if (operation.unknown === unknowns) {
          const after = this.#model.step(state, operation);
          if (after !== undefined && this.#take(index, state, after, false)) {
            state = after;
            cursor = this.#next[0]!;
            unknowns = false;
            continue;
          }
        }
        cursor = this.#next[cursor]!;
        continue;
      }
      if (!unknowns) {
        unknowns = true;
        cursor = this.#next[0]!;
        continue;
      }
      // The first return that is left: its operation has to come before it, unless it need not have happened at all.
      if (this.#operations[index]!.unknown && this.#take(index, state, state, true)) {
        cursor = this.#next[0]!;
        unknowns = false;
        continue;
      }
      if (this.#returnsLeft < furthestLeft) {
        furthestLeft = this.#returnsLeft;
        furthest = this.#describe(cursor);
      }
      for (;;) {
        const frame = this.#stack.pop();
        if (!frame) return { linearizable: false, steps, ...furthest };
        this.#restore(frame.operation);
        state = frame.state;
        if (frame.dropped) continue;
        unknowns = this.#operations[frame.operation]!.unknown;
        cursor = this.#next[this.#callEvent[frame.operation]!]!;
        break;
      }
    }
    return { linearizable: true, steps };
  }

  /** Puts the operation next in the order; `false` if the search has been there before. */
  #take(index: number, before: State, after: State, dropped: boolean): boolean {
    this.#remove(index);
    const place = this.#identify(after);
    if (this.#seen.has(place)) {
      this.#restore(index);
      return false;
    }
    this.#seen.add(place);
    this.#stack.push({ operation: index, state: before, dropped });
    return true;
  }

  #remove(index: number): void {
    this.#done[index] = true;
    this.#unlink(this.#callEvent[index]!);
    const end = this.#returnEvent[index];
    if (end === undefined) return;
    this.#unlink(end);
    this.#returnsLeft--;
    while (this.#lowest < this.#ending.length && this.#done[this.#ending[this.#lowest]!]) this.#lowest++;
  }

  /** Undoes `remove`: the events go back in the reverse order, to the very places that they came from. */
  #restore(index: number): void {
    this.#done[index] = false;
    const end = this.#returnEvent[index];
    if (end !== undefined) {
      this.#link(end);
      this.#returnsLeft++;
      this.#lowest = Math.min(this.#lowest, this.#rank[index]!);
    }
    this.#link(this.#callEvent[index]!);
  }

  #unlink(id: number): void {
    this.#next[this.#previous[id]!] = this.#next[id]!;
    this.#previous[this.#next[id]!] = this.#previous[id]!;
  }

  #link(id: number): void {
    this.#next[this.#previous[id]!] = id;
    this.#previous[this.#next[id]!] = id;
  }

  /** Which operations are done, and in which state. All that end before the lowest one left are done, so that few have to be named. */
  #identify(state: State): string {
    let beyond = "";
    const left = this.#ending.length - this.#lowest;
    let toName = left - this.#returnsLeft;
    for (let i = this.#lowest + 1; toName > 0; i++) {
      if (!this.#done[this.#ending[i]!]) continue;
      beyond += `${i - this.#lowest},`;
      toName--;
    }
    beyond += "|";
    for (const index of this.#endless) if (this.#done[index]) beyond += `${index},`;
    return `${this.#lowest}|${beyond}|${this.#model.identify(state)}`;
  }

  #describe(stuckAt: number): { before: Operation[]; stuck: Operation[] } {
    const before = this.#stack.filter((frame) => !frame.dropped).slice(-8);
    const stuck: Operation[] = [];
    for (let id = this.#next[0]!; ; id = this.#next[id]!) {
      if (this.#isCall[id]) stuck.push(this.#operations[this.#eventOperation[id]!]!);
      if (id === stuckAt) break;
    }
    return { before: before.map((frame) => this.#operations[frame.operation]!), stuck };
  }
}
