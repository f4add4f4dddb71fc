/**
 * A key of the system space: parts joined by `/`. A part may be any well-formed string; what could be taken for a
 * separator is escaped, so that the entries of the name `a` and of the name `a/b` never mix.
 */
export function systemKey(...parts: string[]): string {
  return parts.map(encodeURIComponent).join("/");
}

/** The prefix of all keys below `systemKey(...parts)`. */
export function systemPrefix(...parts: string[]): string {
  return `${systemKey(...parts)}/`;
}
