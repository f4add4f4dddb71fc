import type { Check, Commit, Mutation } from "../../../engine/contract.ts";
import type { Entry } from "../../../engine/entry.ts";
import { compareKeys, type RangeRead } from "../../../engine/range.ts";
import { outOfRange } from "../../../errors.ts";
import { REQUEST_BYTES } from "../capabilities.ts";
import {
  ASCEND,
  BY_CREATION,
  BY_KEY,
  type Compare,
  CREATE_REVISION,
  DESCEND,
  EQUAL,
  MOD_REVISION,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  type TxnRequest,
  type TxnResponse,
} from "../connect/protocol.ts";
import { encode, type Layout } from "./layout.ts";

/** More than what an operation takes beside its key and value. */
const OPERATION_BYTES = 48;

/** Gives the lease of a mutation, as a decimal number, or `undefined` for none. */
export type LeaseFor = (mutation: Mutation & { readonly type: "set" }) => string | undefined;

/** The transaction of a commit: its reads are in both branches. A `RangeError` if it is larger than a server takes. */
export function transactionOf(commit: Commit, layout: Layout, leaseFor: LeaseFor, initialize: boolean): TxnRequest {
  const { checks = [], mutations = [], reads = [] } = commit;
  const changes = mutations.map((mutation) => changeOf(mutation, layout, leaseFor));
  if (initialize) changes.push({ request_put: { key: layout.initializedKey, value: Buffer.alloc(0) } });
  const failure = reads.map((read) => ({ request_range: readOf(read, layout) }));
  const transaction: TxnRequest = {
    compare: checks.map((check) => compareOf(check, layout)),
    success: [...changes, ...failure],
    failure,
  };
  const size = sizeOf(transaction);
  if (size > REQUEST_BYTES) throw outOfRange("commit", `at most ${REQUEST_BYTES} bytes as a request`, size);
  return transaction;
}

/** The entries that each read of the commit gave. */
export function readsOf(response: TxnResponse): RangeResponse[] {
  return response.responses.flatMap(({ response_range }) => response_range ?? []);
}

/**
 * A read as a request. Where entries are asked for by creation, one more of them than the limit: so that it is seen when the
 * limit falls among entries of one revision, whose order etcd leaves open.
 */
export function readOf(read: RangeRead, layout: Layout): RangeRequest {
  const interval = layout.interval(read);
  if (!interval) return NOTHING(layout);
  const { order, reverse, limit } = read;
  if (interval.range_end === undefined) return interval;
  return {
    ...interval,
    ...(limit !== undefined && { limit: order === "created" ? limit + 1 : limit }),
    ...((order === "created" || reverse) && {
      sort_order: reverse ? DESCEND : ASCEND,
      sort_target: order === "created" ? BY_CREATION : BY_KEY,
    }),
  };
}

/** A read of a key that cannot be: an interval without keys is no valid request to etcd. */
const NOTHING = (layout: Layout): RangeRequest => ({ key: layout.all.key, count_only: true });

/** The entries of an answer in the order of the read. */
export function entriesOf(read: RangeRead, { kvs }: Pick<RangeResponse, "kvs">, layout: Layout): Entry[] {
  const entries = kvs.map((kv) => layout.entry(kv, read.space));
  if (read.order === "created") {
    entries.sort((a, b) => a.createdVersion - b.createdVersion || compareKeys(a.key, b.key));
    if (read.reverse) entries.reverse();
  }
  return read.limit === undefined ? entries : entries.slice(0, read.limit);
}

function compareOf(check: Check, layout: Layout): Compare {
  if (!("empty" in check))
    return {
      result: EQUAL,
      target: MOD_REVISION,
      key: layout.key(check.key, check.space),
      mod_revision: check.version,
    };
  // A range that holds nothing compares like one key that was never created.
  const interval = layout.interval(check.empty) ?? { key: layout.all.key };
  return { result: EQUAL, target: CREATE_REVISION, ...interval, create_revision: 0 };
}

function changeOf(mutation: Mutation, layout: Layout, leaseFor: LeaseFor): RequestOp {
  const key = layout.key(mutation.key, mutation.space);
  if (mutation.type === "delete") return { request_delete_range: { key } };
  const lease = leaseFor(mutation);
  return { request_put: { key, value: encode(mutation.value), ...(lease !== undefined && { lease }) } };
}

function sizeOf({ compare, success, failure }: TxnRequest): number {
  let size = 0;
  const add = (...parts: (Buffer | undefined)[]) => {
    size += OPERATION_BYTES;
    for (const part of parts) size += part?.length ?? 0;
  };
  for (const { key, range_end } of compare) add(key, range_end);
  for (const operation of [...success, ...failure]) {
    if ("request_range" in operation) add(operation.request_range.key, operation.request_range.range_end);
    else if ("request_put" in operation) add(operation.request_put.key, operation.request_put.value);
    else add(operation.request_delete_range.key);
  }
  return size;
}
