import { openEtcdEngine } from "../../src/engines/etcd/engine.ts";
import type { Ability, Peer } from "../peer.ts";
import { engineSubject } from "./engine-subject.ts";

const all: readonly Ability[] = [
  "set",
  "get",
  "create",
  "lock",
  "elect",
  "watch",
  "list",
  "listen",
  "post",
  "once",
  "push",
];

/** How long a session outlives a silent owner, in milliseconds: what the peers' leases have. */
const LEASE = 2000;

export const ipctoolsEtcd: Peer = {
  name: "ipctools-etcd",
  title: "**ipctools** (etcd)",
  server: "etcd",
  does: all,
  open: async ({ servers }) => engineSubject(await openEtcdEngine(`etcd://${servers.etcd}/bench/`), LEASE),
};
