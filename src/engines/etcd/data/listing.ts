import type { Listing } from "../../../engine/contract.ts";
import type { Entry } from "../../../engine/entry.ts";
import type { RangeRead } from "../../../engine/range.ts";
import { type Cluster, Refusal } from "../connect/cluster.ts";
import { isCompacted } from "../connect/etcd-error.ts";
import type { KeyValue, RangeRequest, RangeResponse } from "../connect/protocol.ts";
import type { Layout } from "./layout.ts";
import { entriesOf, readOf } from "./transaction.ts";

/** Entries of one page: what a server answers in some milliseconds. */
const PAGE = 1000;
/** How often a listing begins again because its revision was compacted meanwhile. */
const ATTEMPTS = 3;

/** Reads a range page by page, all of them at the revision of the first. */
export async function readListing(cluster: Cluster, layout: Layout, read: RangeRead): Promise<Listing> {
  for (let attempt = 1; ; attempt++)
    try {
      return await readPages(cluster, layout, read);
    } catch (error) {
      const again = error instanceof Refusal && isCompacted(error.failure) && attempt < ATTEMPTS;
      if (!again) throw cluster.explain(error);
    }
}

async function readPages(cluster: Cluster, layout: Layout, read: RangeRead): Promise<Listing> {
  const { serializable } = cluster.location;
  const ask = (request: RangeRequest): Promise<RangeResponse> =>
    cluster.call("KV.Range", serializable ? { ...request, serializable } : request);
  const { limit, reverse, order, ...range } = read;
  const interval = layout.interval(range);
  // The server sorts and cuts; what is not cut is read in the order of keys, which is the one that it need not sort.
  if (limit !== undefined && (order === "created" || reverse || limit <= PAGE || !interval)) {
    const answer = await ask(readOf(read, layout));
    const version = Number(answer.header!.revision);
    return { entries: entriesOf(read, { kvs: await whole(cluster, layout, read, answer, version) }, layout), version };
  }
  const kvs: KeyValue[] = [];
  let request: RangeRequest = readOf(range, layout);
  for (;;) {
    const size = limit === undefined ? PAGE : Math.min(PAGE, limit - kvs.length);
    const answer = await ask(request.range_end ? { ...request, limit: size } : request);
    for (const kv of answer.kvs) kvs.push(kv);
    const revision = request.revision ?? Number(answer.header!.revision);
    if (!answer.more || kvs.length === limit) return { entries: inOrder(read, kvs, layout), version: revision };
    request = { ...request, revision, key: Buffer.concat([answer.kvs.at(-1)!.key, Buffer.of(0)]) };
  }
}

/** The answer to a read at that revision; if it was cut off among entries of one creation, with all of these. */
export async function whole(
  cluster: Cluster,
  layout: Layout,
  read: RangeRead,
  { kvs }: RangeResponse,
  revision: number,
): Promise<readonly KeyValue[]> {
  const cut = cutAt(read, kvs);
  if (cut === undefined) return kvs;
  const tie = { revision, min_create_revision: cut, max_create_revision: cut };
  const tied = await cluster.call("KV.Range", { ...layout.interval(read)!, ...tie });
  return [...kvs.filter(({ create_revision }) => Number(create_revision) !== cut), ...tied.kvs];
}

/** The revision of creation at which the entries of an answer were cut off, if it is that of the next one too. */
function cutAt({ order, limit }: RangeRead, kvs: readonly KeyValue[]): number | undefined {
  if (order !== "created" || limit === undefined || kvs.length <= limit) return undefined;
  const last = kvs[limit - 1]!.create_revision;
  return last === kvs[limit]!.create_revision ? Number(last) : undefined;
}

function inOrder(read: RangeRead, kvs: readonly KeyValue[], layout: Layout): Entry[] {
  const entries = entriesOf(read, { kvs }, layout);
  return read.reverse && read.order !== "created" ? entries.reverse() : entries;
}
