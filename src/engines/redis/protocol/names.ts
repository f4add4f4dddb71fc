/*
 * How the keys and channels of a store are named. Every name begins with `{prefix}:`, so that a cluster keeps all of the keys
 * in one slot.
 */

/** Start of all keys of a store. */
export function keyBase(prefix: string): string {
  return `{${prefix}}:`;
}

/** Start of all channels of a store. Pub/sub does not separate databases, so the number of the database is in the name. */
export function channelBase({ prefix, database }: { readonly prefix: string; readonly database: number }): string {
  return `${keyBase(prefix)}${database}:`;
}

/**
 * The keys that a script is sent with: the store's mark first, then the keys that nearly every commit writes. A cluster that
 * is moving the store looks at them before it starts the script, and replies TRYAGAIN.
 */
export function scriptKeys(prefix: string): string[] {
  return ["meta", "keys:user", "keys:system", "due", "log"].map((name) => `${keyBase(prefix)}${name}`);
}
