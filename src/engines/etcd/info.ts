import type { EngineInfo } from "../../engine/contract.ts";
import { formatAddress } from "../../location/address.ts";
import type { Cluster } from "./connect/cluster.ts";
import type { RangeResponse } from "./connect/protocol.ts";
import { FORMAT, type Layout } from "./data/layout.ts";

export async function etcdInfo(cluster: Cluster, layout: Layout): Promise<EngineInfo> {
  const { location } = cluster;
  const success = [
    { request_range: { ...layout.interval({})!, count_only: true } },
    { request_range: { key: layout.initializedKey, count_only: true } },
  ];
  const begun = performance.now();
  const answer = await cluster.ask("KV.Txn", { compare: [], success, failure: [] });
  const latency = performance.now() - begun;
  const statuses = await cluster.status();
  const [keys, initialized] = answer.responses.map(({ response_range }) =>
    Number((response_range as RangeResponse).count),
  );
  const endpoints: [string, string | number][] = statuses.flatMap((status, i): [string, string | number][] => {
    const address = formatAddress(location.endpoints[i]!);
    if (status instanceof Error) return [[address, `not reached: ${status.message}`]];
    const leads = status.leader === status.header?.member_id ? ", leader" : "";
    return [[address, `etcd ${status.version}${leads}, ${status.latency.toFixed(1)} ms`]];
  });
  const first = statuses.find((status) => !(status instanceof Error));
  return {
    engine: "etcd",
    location: location.shown,
    initialized: initialized! > 0,
    keys: keys!,
    version: Number(answer.header!.revision),
    durability: "a commit is on the disks of a majority of the members before it is acknowledged",
    details: {
      format: FORMAT,
      prefix: location.prefix,
      ...(first && !(first instanceof Error) && { serverVersion: first.version, databaseBytes: Number(first.dbSize) }),
      reads: location.serializable ? "serializable: answered by one member, maybe older" : "linearizable",
      tls: location.tls !== undefined,
      user: location.credentials?.name ?? "",
      latency: Math.round(latency * 100) / 100,
      ...Object.fromEntries(endpoints),
    },
  };
}
