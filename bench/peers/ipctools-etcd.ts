import type { Peer } from "../peer.ts";
import { openSubject, STORE_DOES } from "./store-subject.ts";

/** How long a session outlives a silent owner, in milliseconds: what the peers' leases have. */
const LEASE = 2000;

export const ipctoolsEtcd: Peer = {
  name: "ipctools-etcd",
  title: "**ipctools** (etcd)",
  server: "etcd",
  does: STORE_DOES,
  open: ({ servers }) => openSubject(`etcd://${servers.etcd}/bench/`, LEASE),
};
