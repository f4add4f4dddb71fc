import { newerFormatError } from "../../../engine/standard-errors.ts";
import { StoreError } from "../../../errors.ts";
import type { Cluster } from "../connect/cluster.ts";
import { incompatible } from "../connect/etcd-error.ts";
import { CREATE_REVISION, EQUAL, type RangeResponse } from "../connect/protocol.ts";
import { FORMAT, Layout } from "./layout.ts";

const NAME = /^ipctools \d+$/;

/**
 * Makes sure that the server is an etcd that is new enough and that the prefix is this store's: an empty one is marked as
 * such, one with other keys is refused.
 */
export async function claimPrefix(
  cluster: Cluster,
): Promise<{ readonly layout: Layout; readonly initialized: boolean }> {
  const layout = new Layout(cluster.location.prefix);
  await checkServer(cluster);
  const reads = [
    { request_range: { key: layout.formatKey } },
    { request_range: { key: layout.initializedKey } },
    { request_range: { ...layout.all, limit: 1, keys_only: true } },
  ];
  const known = await look();
  if (known) return known;
  const check = { result: EQUAL, target: CREATE_REVISION, ...layout.all, create_revision: 0 } as const;
  const put = { request_put: { key: layout.formatKey, value: Buffer.from(FORMAT) } };
  // It may be repeated: whoever was first, it is marked then.
  await cluster.ask("KV.Txn", { compare: [check], success: [put], failure: [] });
  const claimed = await look();
  if (claimed) return claimed;
  throw foreign(cluster, "its marker was deleted at once");

  async function look() {
    const answer = await cluster.ask("KV.Txn", { compare: [], success: reads, failure: [] });
    const [format, initialized, any] = answer.responses.map(({ response_range }) => response_range as RangeResponse);
    const marker = format!.kvs[0]?.value.toString();
    if (marker === FORMAT) return { layout, initialized: initialized!.kvs.length > 0 };
    if (marker === undefined) {
      const other = any!.kvs[0];
      if (!other) return undefined;
      throw foreign(cluster, `it holds the key ${JSON.stringify(other.key.toString())}`);
    }
    if (NAME.test(marker)) throw newerFormatError(cluster.location.shown, marker, FORMAT);
    throw foreign(cluster, `its key ${JSON.stringify(layout.formatKey.toString())} holds something else`);
  }
}

function foreign(cluster: Cluster, why: string): StoreError {
  const { shown, prefix } = cluster.location;
  return new StoreError(
    "ERR_STORE_FOREIGN_PREFIX",
    `The prefix ${JSON.stringify(`${prefix}/`)} at ${shown} is used by another program: ${why}, and not the marker of a store. ` +
      "Nothing was changed; name another prefix in the URL",
  );
}

async function checkServer(cluster: Cluster): Promise<void> {
  const { version } = await cluster.ask("Maintenance.Status", {});
  const [, major = 0, minor = 0] = /^(\d+)\.(\d+)\./.exec(version)?.map(Number) ?? [];
  if (major > 3 || (major === 3 && minor >= 4)) return;
  throw incompatible(
    `The etcd server at ${cluster.location.shown} has version ${version || "?"}; 3.4 or later is needed. Upgrade it`,
  );
}
