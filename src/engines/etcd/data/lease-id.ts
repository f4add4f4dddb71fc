import * as crypto from "node:crypto";

/*
 * The client may choose a lease's number, which every entry that is bound to it shows. So it tells what the lease is for:
 * bit 62 set, a time to live: then 43 bits with the time when it ends (milliseconds since the epoch, until the year 2248)
 * and 19 random bits. Else the life of a session: 62 random bits.
 */

const TIME_TO_LIVE = 1n << 62n;
const RANDOM_BITS = 19n;

/** A number for a session's lease, in decimal. */
export function newSessionLease(): string {
  const number = crypto.randomBytes(8).readBigUInt64BE() >> 2n;
  return number === 0n ? "1" : String(number);
}

/** A number for the lease of entries that end at that time, in decimal. */
export function newExpiryLease(expiresAt: number): string {
  const random = BigInt(crypto.randomInt(2 ** Number(RANDOM_BITS)));
  return String(TIME_TO_LIVE | (BigInt(expiresAt) << RANDOM_BITS) | random);
}

/** The id of the session whose lease this is: its number as `etcdctl` writes it. */
export function sessionOf(lease: string): string | undefined {
  if (lease === "0") return undefined;
  const number = BigInt(lease);
  return number & TIME_TO_LIVE ? undefined : number.toString(16);
}

/** When the lease ends, in milliseconds since the epoch. */
export function expiryOf(lease: string): number | undefined {
  if (lease === "0") return undefined;
  const number = BigInt(lease);
  return number & TIME_TO_LIVE ? Number((number & (TIME_TO_LIVE - 1n)) >> RANDOM_BITS) : undefined;
}

/** The number of a session's lease, in decimal; `undefined` for what cannot be a session's id. */
export function leaseOf(session: string): string | undefined {
  if (!/^[0-9a-f]{1,16}$/.test(session)) return undefined;
  const number = BigInt(`0x${session}`);
  return number === 0n || number >= TIME_TO_LIVE ? undefined : String(number);
}
