import type { Check, Commit, Mutation } from "../../../../src/engine/contract.ts";
import type { Space, Value } from "../../../../src/engine/entry.ts";
import { type RangeRead, spaceKey } from "../../../../src/engine/range.ts";

export interface Key {
  readonly key: string;
  readonly space?: Space;
}

/** What random commits are about. */
export interface World {
  /** A random number from 0 to 1. */
  readonly random: () => number;
  /** The version of the entry at a key, as it is in the file; 0 if there is none. */
  version(at: Key): number;
  /** Sessions to bind entries to: those that live, that are dead, and that never were. */
  readonly sessions: readonly string[];
}

const PREFIX = "place/";
const PLACES = ["place/a", "place/b", "place/c\0d", "place/\u{1f600}"];
const OTHERS = ["a", "nul\0key", "place", "place0"];
const VALUES: readonly Value[] = ["", "text", "nul\0 in it", "\u{1f600}", new Uint8Array(), new Uint8Array([0, 255])];

/** Commits of every shape that has a short way, of shapes that are nearly so, and of no shape at all. */
export class RandomCommits {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  next(): Commit {
    return this.one([
      () => ({ mutations: [this.#set()] }),
      () => this.#create(),
      () => this.#nearly(this.#create()),
      () => this.#take(),
      () => this.#nearly(this.#take()),
      () => this.#release(),
      () => this.#nearly(this.#release()),
      () => this.#leave(),
      () => this.#anything(),
    ])();
  }

  one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#world.random() * of.length)]!;
  }

  chance(part: number): boolean {
    return this.#world.random() < part;
  }

  space(): { space?: Space } {
    return this.chance(0.5) ? { space: "system" } : {};
  }

  key(): Key {
    return { key: this.one([...PLACES, ...OTHERS]), ...this.space() };
  }

  /** A set as the shape has it, or one that binds the entry to a session or a time. */
  #set(at = this.key(), isPlain = true): Mutation {
    const set = { type: "set", ...at, value: this.one(VALUES) } as const;
    if (isPlain) return set;
    return this.chance(0.5)
      ? { ...set, session: this.one(this.#world.sessions) }
      : { ...set, ttl: 1 + this.#world.random() * 20 };
  }

  #create(): Commit {
    const at = this.key();
    return { checks: [{ ...at, version: 0 }], mutations: [this.#set(at)] };
  }

  /** One entry or two of a session come into a range that must be empty, as locks, permits and elections do it. */
  #take(): Commit {
    const space = this.space();
    const session = this.one(this.#world.sessions);
    const first = this.one([0, 1, 2]);
    const keys = PLACES.slice(first, first + this.one([1, 2]));
    const bound = this.one([0, keys.length - 1]);
    const mutations = keys.map((key, i): Mutation => {
      const set = this.#set({ key, ...space });
      return i === bound || this.chance(0.3) ? ({ ...set, session } as Mutation) : set;
    });
    return { checks: [{ empty: { ...space, prefix: PREFIX } }], mutations };
  }

  /** Entries are deleted if one entry has a version still. */
  #release(): Commit {
    const space = this.space();
    const keys = this.#some([...PLACES, ...PLACES, ...OTHERS], 2).map((key) => ({ key, ...space }));
    const check = this.chance(0.8) ? keys[0]! : { ...this.key(), ...space };
    return {
      checks: [{ ...check, version: this.#world.version(check) }],
      mutations: keys.map((at) => ({ type: "delete", ...at })),
    };
  }

  /** All places of a space become free. */
  #leave(): Commit {
    const space = this.space();
    return { mutations: PLACES.map((key) => ({ type: "delete", key, ...space })) };
  }

  /** The commit with one difference. */
  #nearly({ checks = [], mutations = [] }: Commit): Commit {
    const last = mutations.at(-1)!;
    const others = mutations.slice(0, -1);
    return this.one<() => Commit>([
      () => ({ checks: [...checks, this.#check()], mutations }),
      () => ({ checks: checks.map((check) => this.#nearlyCheck(check)), mutations }),
      () => ({ mutations }),
      () => ({ checks }),
      () => ({ checks, mutations, reads: [this.#range()] }),
      () => ({ checks, mutations: distinct([...others, this.#set(last, false)]) }),
      () => ({ checks, mutations: distinct([...others, this.#set(last)]) }),
      () => ({ checks, mutations: distinct([...others, { type: "delete", ...this.key() }]) }),
      () => ({ checks, mutations: distinct([...others, { ...last, ...this.key() }]) }),
      () => ({ checks, mutations: distinct([...mutations, { ...last, ...this.key() }, this.#mutation()]) }),
    ])();
  }

  #nearlyCheck(check: Check): Check {
    if ("empty" in check) return this.one([{ empty: { ...check.empty, start: "place/b" } }, { empty: this.#range() }]);
    const { version } = check;
    return this.one([
      { ...check, version: version + 1 },
      { ...check, version: 0 },
      { ...this.key(), version },
    ]);
  }

  #anything(): Commit {
    return {
      checks: this.#times(this.one([0, 0, 1, 2]), () => this.#check()),
      mutations: distinct(this.#times(this.one([0, 1, 2, 4]), () => this.#mutation())),
      reads: this.#times(this.one([0, 1, 2]), () => this.#range()),
    };
  }

  #check(): Check {
    if (this.chance(0.3)) return { empty: this.#range() };
    const at = this.key();
    return { ...at, version: this.chance(0.8) ? this.#world.version(at) : this.one([0, 1]) };
  }

  #mutation(): Mutation {
    return this.chance(0.4) ? { type: "delete", ...this.key() } : this.#set(this.key(), this.chance(0.4));
  }

  #range(): RangeRead {
    const range = this.one([{ prefix: PREFIX }, {}, { key: this.key().key }, { start: "nul", end: "place/b" }]);
    const order = this.one([undefined, { order: "created" } as const, { reverse: true }]);
    return { ...this.space(), ...range, ...order, ...(this.chance(0.4) && { limit: 2 }) };
  }

  #some<T>(of: readonly T[], most: number): T[] {
    return [...new Set(this.#times(this.one([1, most]), () => this.one(of)))];
  }

  #times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}

/** The mutations without a second one of any key. */
function distinct(mutations: readonly Mutation[]): Mutation[] {
  return [...new Map(mutations.map((mutation) => [spaceKey(mutation.key, mutation.space), mutation])).values()];
}
