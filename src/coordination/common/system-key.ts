import { malformedRecord } from "./record.ts";

/**
 * A key of the system space: parts joined by `/`. A part may be any string, lone surrogates included; what could be taken
 * for a separator is escaped, so that the entries of the name `a` and of the name `a/b` never mix.
 */
export function systemKey(...parts: string[]): string {
  return parts.map(escapePart).join("/");
}

/** The prefix of all keys below `systemKey(...parts)`. */
export function systemPrefix(...parts: string[]): string {
  return `${systemKey(...parts)}/`;
}

/** The part that `systemKey` made this of. Throws `ERR_STORE_CODEC` if it never made any. */
export function readPart(escaped: string): string {
  const pieces = escaped.split(/(%u[0-9A-F]{4})/);
  try {
    return pieces
      .map((piece, i) =>
        i % 2 === 0 ? decodeURIComponent(piece) : String.fromCharCode(Number.parseInt(piece.slice(2), 16)),
      )
      .join("");
  } catch {
    throw malformedRecord(escaped);
  }
}

function escapePart(part: string): string {
  if (part.isWellFormed()) return encodeURIComponent(part);
  // `encodeURIComponent` never makes a `%u`, so that a lone surrogate gets an escape that nothing else has.
  return Array.from(part, (point) =>
    point.isWellFormed() ? encodeURIComponent(point) : `%u${point.charCodeAt(0).toString(16).toUpperCase()}`,
  ).join("");
}
