import { invalidType, invalidValue } from "../errors.ts";

/**
 * Throws unless `options` is absent, or an object whose every option has a known name. An option that is `undefined` counts
 * as absent. `call` is the function that has these options, such as "setValue".
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE` for `null`, a number, an array, a signal and the like; `ERR_INVALID_ARG_VALUE` for
 *   a name that is not known, such as a misspelt one, which would otherwise have no effect.
 */
export function checkOptions(options: unknown, known: readonly string[], call?: string): void {
  if (options === undefined) return;
  const names = () => known.join(" or ");
  const name = call === undefined ? "options" : `the options of ${call}()`;
  // Of the built-in classes each has a tag of its own, so that `lock(name, signal)` is refused; a program's own classes have none.
  if (Object.prototype.toString.call(options) !== "[object Object]")
    throw invalidType(name, `an object with ${names()}`, options);
  for (const [key, value] of Object.entries(options as object))
    if (value !== undefined && !known.includes(key)) throw invalidValue(name, `named ${names()}`, key);
}
