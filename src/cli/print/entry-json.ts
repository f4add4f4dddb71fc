import type { Entry } from "../../engine/entry.ts";

/** An entry as `--json` shows it: bytes as `base64`, the time it goes as ISO 8601. */
export function entryJson({ key, value, version, createdVersion, session, expiresAt }: Entry): Record<string, unknown> {
  return {
    key,
    ...(typeof value === "string" ? { value } : { base64: Buffer.from(value).toString("base64") }),
    version,
    createdVersion,
    ...(session === undefined ? undefined : { session }),
    ...(expiresAt === undefined ? undefined : { expires: new Date(expiresAt).toISOString() }),
  };
}
