import { outOfRange } from "../../../errors.ts";
import { ETCD_CAPABILITIES } from "../capabilities.ts";
import { type CallOptions, type Cluster, Refusal } from "../connect/cluster.ts";
import { isLeaseTaken } from "../connect/etcd-error.ts";
import { newExpiryLease, newSessionLease } from "./lease-id.ts";

/** The longest time to live that etcd takes, in seconds. */
const LONGEST_LEASE = 9_000_000_000;

/** Whole seconds, at least what a server takes by default. */
export function leaseSeconds(ttl: number): number {
  const seconds = Math.ceil(Math.max(ttl, ETCD_CAPABILITIES.ttlMinimum) / 1000);
  if (seconds > LONGEST_LEASE) throw outOfRange("ttl", `at most ${LONGEST_LEASE} seconds`, seconds);
  return seconds;
}

/** A lease for a session: its number, in decimal, and the seconds that the server granted, which are no fewer than asked for. */
export async function grantSessionLease(
  cluster: Cluster,
  seconds: number,
): Promise<{ readonly lease: string; readonly granted: number }> {
  const lease = newSessionLease();
  try {
    const { TTL } = await cluster.call("Lease.LeaseGrant", { ID: lease, TTL: seconds });
    return { lease, granted: Number(TTL) };
  } catch (error) {
    // 62 random bits: who has the number already is this call itself, whose first answer was lost.
    if (error instanceof Refusal && isLeaseTaken(error.failure)) return { lease, granted: seconds };
    throw cluster.explain(error);
  }
}

/**
 * A lease for entries that expire after this many seconds, or what the server raises that to: its number, in decimal. `wait`
 * gives what is left of the commit's time.
 */
export async function grantExpiryLease(cluster: Cluster, seconds: number, wait: () => CallOptions): Promise<string> {
  for (let asked = seconds; ; ) {
    const lease = newExpiryLease(Date.now() + asked * 1000);
    try {
      const granted = Number((await cluster.call("Lease.LeaseGrant", { ID: lease, TTL: asked }, wait())).TTL);
      if (granted === asked) return lease;
      // The number tells the end, so that it must be right.
      revokeLease(cluster, lease);
      asked = granted;
    } catch (error) {
      if (!(error instanceof Refusal && isLeaseTaken(error.failure))) throw cluster.explain(error);
    }
  }
}

/** Gives a lease up that nothing is bound to; if that fails, it runs out. */
export function revokeLease(cluster: Cluster, lease: string): void {
  cluster.call("Lease.LeaseRevoke", { ID: lease }, { keepAlive: false }).catch(() => {});
}
