import type * as grpc from "@grpc/grpc-js";
import type { ServiceDefinition } from "@grpc/proto-loader";
import { clientMissingError } from "../../../engine/standard-errors.ts";
import { PROTOCOL } from "./protocol.ts";

type Grpc = typeof grpc;

/** How a call is named and coded. */
export interface Method {
  readonly path: string;
  readonly requestSerialize: (request: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}

export interface ClientModule {
  readonly grpc: Grpc;
  method(name: string): Method;
}

const PACKAGES = ["@grpc/grpc-js", "@grpc/proto-loader"] as const;

let loaded: Promise<ClientModule> | undefined;

/** The packages that speak gRPC, loaded at the first call. `ERR_STORE_CLIENT_MISSING` says what to install. */
export function loadClient(): Promise<ClientModule> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<ClientModule> {
  const [client, loader] = (await Promise.all(PACKAGES.map(importPackage))) as [
    Grpc & { default?: Grpc },
    typeof import("@grpc/proto-loader"),
  ];
  const definitions = loader.fromJSON(PROTOCOL as Parameters<typeof loader.fromJSON>[0], {
    keepCase: true,
    longs: String,
    defaults: true,
  });
  const methods = new Map<string, Method>();
  return {
    grpc: client.default ?? client,
    method(name) {
      const known = methods.get(name);
      if (known) return known;
      const [service, method] = name.split(".") as [string, string];
      const found = (definitions[`etcdserverpb.${service}`] as ServiceDefinition)[method] as Method;
      methods.set(name, found);
      return found;
    },
  };
}

async function importPackage(name: (typeof PACKAGES)[number]): Promise<unknown> {
  try {
    return await (name === "@grpc/grpc-js" ? import("@grpc/grpc-js") : import("@grpc/proto-loader"));
  } catch (cause) {
    loaded = undefined;
    throw clientMissingError("etcd", PACKAGES, cause);
  }
}
