import { invalidType, invalidValue } from "../errors.ts";

/**
 * Checks the options that a caller passed. `call` names the call in the message, such as `lock()`.
 *
 * @throws TypeError unless `options` is `undefined`, or an object whose own enumerable keys are all in `known`.
 */
export function checkOptions(options: unknown, known: readonly string[], call?: string): void {
  if (options === undefined) return;
  const name = call === undefined ? "options" : `options of ${call}`;
  const listed = known.length === 0 ? "no options" : `only ${known.join(", ")}`;
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw invalidType(name, `an object with ${listed}`, options);
  for (const key of Object.keys(options))
    if (!known.includes(key)) throw invalidValue(name, `an object with ${listed}`, key);
}
