/** Some keys, in the order of their UTF-8 bytes. What is given must hold, all of it; `{}` is every key. */
export interface KeyRange {
  /** Keys that begin with this. */
  readonly prefix?: string;
  /** The first key, inclusive. */
  readonly start?: string;
  /** The last key, exclusive. */
  readonly end?: string;
}

export interface ListOptions extends KeyRange {
  /** From the last key to the first. Default `false`. */
  readonly reverse?: boolean;
  /** At most so many. Default: all. */
  readonly limit?: number;
  /** Ends the listing before its next page; the reason is thrown. */
  readonly signal?: AbortSignal;
}
