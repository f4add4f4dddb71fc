/*
 * The part of etcd's own protocol (v3: rpc.proto, kv.proto) that the engine speaks, in the JSON form of protobuf.js, with
 * the types that come out of it: 64-bit numbers as decimal text, bytes as buffers, absent fields as zero.
 */

type Fields = Readonly<Record<string, readonly [type: string, id: number, rule?: "repeated"]>>;

function message(fields: Fields, oneofs?: Readonly<Record<string, readonly string[]>>) {
  const all = Object.entries(fields).map(([name, [type, id, rule]]) => [name, { type, id, ...(rule && { rule }) }]);
  return {
    fields: Object.fromEntries(all),
    ...(oneofs && {
      oneofs: Object.fromEntries(Object.entries(oneofs).map(([name, of]) => [name, { oneof: [...of] }])),
    }),
  };
}

function service(methods: Readonly<Record<string, readonly [request: string, response: string, streams?: true]>>) {
  const all = Object.entries(methods).map(([name, [requestType, responseType, streams = false]]) => [
    name,
    { requestType, responseType, requestStream: streams, responseStream: streams },
  ]);
  return { methods: Object.fromEntries(all) };
}

const HEADER = { header: ["ResponseHeader", 1] } as const;

/** For `fromJSON` of `@grpc/proto-loader`. */
export const PROTOCOL = {
  nested: {
    mvccpb: {
      nested: {
        KeyValue: message({
          key: ["bytes", 1],
          create_revision: ["int64", 2],
          mod_revision: ["int64", 3],
          value: ["bytes", 5],
          lease: ["int64", 6],
        }),
        Event: message({ type: ["int32", 1], kv: ["KeyValue", 2] }),
      },
    },
    etcdserverpb: {
      nested: {
        KV: service({ Range: ["RangeRequest", "RangeResponse"], Txn: ["TxnRequest", "TxnResponse"] }),
        Watch: service({ Watch: ["WatchRequest", "WatchResponse", true] }),
        // The server takes a keep-alive as a stream; a stream of one message looks like a plain call to both sides.
        Lease: service({
          LeaseGrant: ["LeaseGrantRequest", "LeaseGrantResponse"],
          LeaseRevoke: ["LeaseRevokeRequest", "LeaseRevokeResponse"],
          LeaseKeepAlive: ["LeaseKeepAliveRequest", "LeaseKeepAliveResponse"],
        }),
        Auth: service({ Authenticate: ["AuthenticateRequest", "AuthenticateResponse"] }),
        Maintenance: service({ Status: ["StatusRequest", "StatusResponse"] }),
        ResponseHeader: message({ cluster_id: ["uint64", 1], member_id: ["uint64", 2], revision: ["int64", 3] }),
        RangeRequest: message({
          key: ["bytes", 1],
          range_end: ["bytes", 2],
          limit: ["int64", 3],
          revision: ["int64", 4],
          sort_order: ["int32", 5],
          sort_target: ["int32", 6],
          serializable: ["bool", 7],
          keys_only: ["bool", 8],
          count_only: ["bool", 9],
          min_create_revision: ["int64", 12],
          max_create_revision: ["int64", 13],
        }),
        RangeResponse: message({
          ...HEADER,
          kvs: ["mvccpb.KeyValue", 2, "repeated"],
          more: ["bool", 3],
          count: ["int64", 4],
        }),
        PutRequest: message({ key: ["bytes", 1], value: ["bytes", 2], lease: ["int64", 3] }),
        PutResponse: message(HEADER),
        DeleteRangeRequest: message({ key: ["bytes", 1] }),
        DeleteRangeResponse: message({ ...HEADER, deleted: ["int64", 2] }),
        RequestOp: message(
          {
            request_range: ["RangeRequest", 1],
            request_put: ["PutRequest", 2],
            request_delete_range: ["DeleteRangeRequest", 3],
          },
          { request: ["request_range", "request_put", "request_delete_range"] },
        ),
        ResponseOp: message(
          {
            response_range: ["RangeResponse", 1],
            response_put: ["PutResponse", 2],
            response_delete_range: ["DeleteRangeResponse", 3],
          },
          { response: ["response_range", "response_put", "response_delete_range"] },
        ),
        Compare: message(
          {
            result: ["int32", 1],
            target: ["int32", 2],
            key: ["bytes", 3],
            create_revision: ["int64", 5],
            mod_revision: ["int64", 6],
            range_end: ["bytes", 64],
          },
          { target_union: ["create_revision", "mod_revision"] },
        ),
        TxnRequest: message({
          compare: ["Compare", 1, "repeated"],
          success: ["RequestOp", 2, "repeated"],
          failure: ["RequestOp", 3, "repeated"],
        }),
        TxnResponse: message({ ...HEADER, succeeded: ["bool", 2], responses: ["ResponseOp", 3, "repeated"] }),
        WatchRequest: message(
          {
            create_request: ["WatchCreateRequest", 1],
            cancel_request: ["WatchCancelRequest", 2],
            progress_request: ["WatchProgressRequest", 3],
          },
          { request_union: ["create_request", "cancel_request", "progress_request"] },
        ),
        WatchCreateRequest: message({
          key: ["bytes", 1],
          range_end: ["bytes", 2],
          start_revision: ["int64", 3],
          progress_notify: ["bool", 4],
          watch_id: ["int64", 7],
        }),
        WatchCancelRequest: message({ watch_id: ["int64", 1] }),
        WatchProgressRequest: message({}),
        WatchResponse: message({
          ...HEADER,
          watch_id: ["int64", 2],
          created: ["bool", 3],
          canceled: ["bool", 4],
          compact_revision: ["int64", 5],
          cancel_reason: ["string", 6],
          events: ["mvccpb.Event", 11, "repeated"],
        }),
        LeaseGrantRequest: message({ TTL: ["int64", 1], ID: ["int64", 2] }),
        LeaseGrantResponse: message({ ...HEADER, ID: ["int64", 2], TTL: ["int64", 3] }),
        LeaseRevokeRequest: message({ ID: ["int64", 1] }),
        LeaseRevokeResponse: message(HEADER),
        LeaseKeepAliveRequest: message({ ID: ["int64", 1] }),
        LeaseKeepAliveResponse: message({ ...HEADER, ID: ["int64", 2], TTL: ["int64", 3] }),
        AuthenticateRequest: message({ name: ["string", 1], password: ["string", 2] }),
        AuthenticateResponse: message({ ...HEADER, token: ["string", 2] }),
        StatusRequest: message({}),
        StatusResponse: message({ ...HEADER, version: ["string", 2], dbSize: ["int64", 3], leader: ["uint64", 4] }),
      },
    },
  },
};

export interface ResponseHeader {
  readonly cluster_id: string;
  readonly member_id: string;
  readonly revision: string;
}

export interface Response {
  readonly header: ResponseHeader | null;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly value: Buffer;
  readonly lease: string;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
  readonly sort_order?: number;
  readonly sort_target?: number;
  readonly serializable?: boolean;
  readonly keys_only?: boolean;
  readonly count_only?: boolean;
  readonly min_create_revision?: number;
  readonly max_create_revision?: number;
}

export const DESCEND = 2;
export const ASCEND = 1;
export const BY_KEY = 0;
export const BY_CREATION = 2;

export interface RangeResponse extends Response {
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  readonly count: string;
}

export type RequestOp =
  | { readonly request_range: RangeRequest }
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer; readonly lease?: string } }
  | { readonly request_delete_range: { readonly key: Buffer } };

export interface Compare {
  readonly result: typeof EQUAL;
  readonly target: typeof CREATE_REVISION | typeof MOD_REVISION;
  readonly key: Buffer;
  readonly range_end?: Buffer;
  readonly create_revision?: number;
  readonly mod_revision?: number;
}

export const EQUAL = 0;
export const CREATE_REVISION = 1;
export const MOD_REVISION = 2;

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse extends Response {
  readonly succeeded: boolean;
  readonly responses: readonly { readonly response_range?: RangeResponse | null }[];
}

export type WatchRequest =
  | {
      readonly create_request: {
        readonly key: Buffer;
        readonly range_end?: Buffer;
        readonly start_revision: number;
        readonly progress_notify: boolean;
        readonly watch_id: number;
      };
    }
  | { readonly cancel_request: { readonly watch_id: number } }
  | { readonly progress_request: Record<string, never> };

export interface WatchEvent {
  readonly type: number;
  readonly kv: KeyValue;
}

export const DELETED = 1;

export interface WatchResponse extends Response {
  readonly watch_id: string;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: string;
  readonly cancel_reason: string;
  readonly events: readonly WatchEvent[];
}

export interface LeaseResponse extends Response {
  readonly ID: string;
  readonly TTL: string;
}

export interface StatusResponse extends Response {
  readonly version: string;
  readonly dbSize: string;
  readonly leader: string;
}

/** The calls, by their names in the protocol. */
export interface Calls {
  readonly "KV.Range": readonly [RangeRequest, RangeResponse];
  readonly "KV.Txn": readonly [TxnRequest, TxnResponse];
  readonly "Lease.LeaseGrant": readonly [{ readonly TTL: number; readonly ID: string }, LeaseResponse];
  readonly "Lease.LeaseRevoke": readonly [{ readonly ID: string }, Response];
  readonly "Lease.LeaseKeepAlive": readonly [{ readonly ID: string }, LeaseResponse];
  readonly "Auth.Authenticate": readonly [
    { readonly name: string; readonly password: string },
    Response & { readonly token: string },
  ];
  readonly "Maintenance.Status": readonly [Record<string, never>, StatusResponse];
}

export type CallName = keyof Calls;
