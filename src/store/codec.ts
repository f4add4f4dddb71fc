import type { Awaitable } from "../engine/contract.ts";
import type { Value } from "../engine/entry.ts";
import { invalidType, invalidValue, StoreError } from "../errors.ts";

/**
 * Turns the values of a `Store` into what engines keep (text or bytes) and back. `Out` is what reading gives, `In` what
 * writing takes. What `encode` throws reaches the caller of the write; what `decode` throws becomes the cause of an
 * `ERR_STORE_CODEC`.
 */
export interface Codec<Out, In = Out> {
  encode(value: In): Awaitable<Value>;
  decode(value: Value): Awaitable<Out>;
}

/** Strings as they are: the default. */
export const text: Codec<string> = {
  encode(value) {
    if (typeof value !== "string") throw invalidType("value", "a string", value);
    return value;
  },
  decode(value) {
    if (typeof value !== "string") throw new TypeError("it is bytes, not text: open the store with { codec: bytes }");
    return value;
  },
};

/** Bytes as they are: a `Uint8Array` (a `Buffer` is one), and nothing else. */
export const bytes: Codec<Uint8Array> = {
  encode(value) {
    if (!(value instanceof Uint8Array)) throw invalidType("value", "a Uint8Array", value);
    return value;
  },
  decode(value) {
    if (typeof value === "string")
      throw new TypeError("it is text, not bytes: open the store without { codec: bytes }");
    return value;
  },
};

/** A validator after https://standardschema.dev, such as one of zod, valibot or arktype. */
export interface StandardSchema<In = unknown, Out = In> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Awaitable<Validated<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

type Validated<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly Issue[]; readonly value?: unknown };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type Types<S extends StandardSchema> = NonNullable<S["~standard"]["types"]>;

/**
 * Values as JSON text. With a Standard Schema every value is validated when it is written (a `TypeError` if it does not
 * fit; it is stored as given) and again when it is read (`ERR_STORE_CODEC`; what comes out is what the schema makes of it).
 * Without one, `T` is the program's own promise.
 */
export function json<T>(): Codec<T>;
export function json<S extends StandardSchema>(schema: S): Codec<Types<S>["output"], Types<S>["input"]>;
export function json(schema?: StandardSchema): Codec<unknown> {
  if (schema === undefined) return { encode: stringify, decode: parse };
  const validate = schema?.["~standard"]?.validate;
  if (typeof validate !== "function")
    throw invalidType("schema", "a Standard Schema (zod, valibot, arktype …)", schema);
  const check = async (value: unknown): Promise<unknown> => {
    const result = await validate(value);
    if (result.issues) throw Object.assign(invalidValue("value", `valid: ${complaint(result.issues)}`, value), result);
    return result.value;
  };
  return {
    async encode(value) {
      await check(value);
      return stringify(value);
    },
    decode: (value) => check(parse(value)),
  };
}

function stringify(value: unknown): string {
  let encoded: string | undefined;
  try {
    encoded = JSON.stringify(value);
  } catch (cause) {
    throw Object.assign(invalidType("value", `what JSON can hold (${(cause as Error).message})`, value), { cause });
  }
  if (encoded === undefined) throw invalidType("value", "what JSON can hold", value);
  return encoded;
}

function parse(value: Value): unknown {
  if (typeof value !== "string") throw new TypeError("it is bytes, not JSON text");
  return JSON.parse(value);
}

function complaint(issues: readonly Issue[]): string {
  return issues
    .map(({ message, path = [] }) => {
      const place = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
      return place === "" ? message : `${place}: ${message}`;
    })
    .join("; ");
}

/** What the codec makes of a stored value; `ERR_STORE_CODEC` if nothing. */
export async function decodeValue<T>(codec: Codec<T, never>, key: string, value: Value): Promise<T> {
  try {
    return await codec.decode(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError("ERR_STORE_CODEC", `the value of ${JSON.stringify(key)} cannot be read: ${reason}`, { cause });
  }
}
