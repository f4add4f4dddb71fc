import { LeasedSessions } from "../../engine/leased-sessions.ts";
import { type Cluster, Refusal } from "./connect/cluster.ts";
import { isLeaseMissing } from "./connect/etcd-error.ts";
import { leaseOf, sessionOf } from "./data/lease-id.ts";
import { grantSessionLease, leaseSeconds } from "./data/leases.ts";

/** The part of a lease that is not used, for clocks that run unevenly, and its least length in milliseconds. */
const MARGIN = 0.1;
const LEAST_MARGIN = 200;

/** The sessions of an engine: each has a lease, whose number is the session's ID. */
export function etcdSessions(cluster: Cluster): LeasedSessions {
  return new LeasedSessions({
    async grant(ttl) {
      const { lease, granted } = await grantSessionLease(cluster, leaseSeconds(ttl));
      return { id: sessionOf(lease)!, ttl: granted * 1000 };
    },
    margin: (ttl) => Math.max(ttl * MARGIN, LEAST_MARGIN),
    heartbeat: ({ id }, timeout) =>
      unlessMissing(async () => {
        const request = { ID: leaseOf(id)! };
        const { TTL } = await cluster.call("Lease.LeaseKeepAlive", request, { timeout, keepAlive: false });
        return Number(TTL) > 0;
      }),
    release: (id, options) =>
      unlessMissing(async () => {
        await cluster.call("Lease.LeaseRevoke", { ID: leaseOf(id)! }, options);
        return false;
      }),
  });
}

/** Returns whether the lease lives: `false` also if the server answers that there is no such lease. */
async function unlessMissing(call: () => Promise<boolean>): Promise<boolean> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Refusal && isLeaseMissing(error.failure)) return false;
    throw error;
  }
}
