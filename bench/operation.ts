import type { Ability, Peer, Place, Subject } from "./peer.ts";
import type { Servers } from "./servers.ts";

/** What one trial found: one number for each name in the operation's `figures`. */
export interface Figures {
  readonly [figure: string]: number;
}

export interface Trial extends Place {
  readonly peer: Peer;
  readonly subject: Subject;
  /** The case, where the operation has several: so many writers, so many watchers. */
  readonly size: number;
}

/** Something that peers do. Each trial runs in a fresh process, with a fresh folder. */
export interface Operation {
  readonly name: string;
  readonly title: string;
  /** What one figure is, in a sentence; and the aim, where there is one. */
  readonly about: string;
  /** Columns: the name of a figure and its unit. The ratio is taken of the first. */
  readonly figures: Readonly<Record<string, "µs" | "ms" | "/s" | "">>;
  readonly needs: Ability;
  /** The peer whose first figure is 1 in the ratios. */
  readonly reference: string;
  /** On peers of this server only; without it on those that need none. */
  readonly server?: keyof Servers;
  /** Left out though they could. */
  readonly without?: readonly string[];
  /** What `size` counts, and the values that it takes. With `base` the ratios refer to the same peer at that size. */
  readonly sizes?: Sizes;
  /** What takes long is not measured in every round: rounds at the most. */
  readonly mostRounds?: number;
  run(trial: Trial): Promise<Figures>;
  /** What the other processes of a trial do: by name, called in each with a subject of its own. */
  readonly roles?: Readonly<Record<string, (trial: Trial, member: Member) => Promise<unknown>>>;
}

export interface Sizes {
  readonly what: string;
  readonly values: readonly number[];
  readonly quick: readonly number[];
  readonly base?: number;
}

/** A further process of a trial, as it sees itself. */
export interface Member {
  /** Where it stands among those that play its role, from 0. */
  readonly index: number;
  /** Tells the trial. */
  tell(message: unknown): void;
  /** The next message of the trial. */
  told<T>(): Promise<T>;
}
