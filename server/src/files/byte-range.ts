/**
 * The `Range` header of a download (RFC 9110 §14.2), pure. One range is served; several give the whole, as the RFC
 * allows, because a multipart answer costs more code than any client of this API asks for.
 */
export type RangeDecision =
  | { readonly kind: "whole" }
  /** Bytes [start, end), never empty. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE = { kind: "whole" } as const;
const UNSATISFIABLE = { kind: "unsatisfiable" } as const;

/** `sizeBytes` is at least 1. A header that is not understood counts as absent ("An origin server MUST ignore …"). */
export function decideRange(header: string | undefined, sizeBytes: number): RangeDecision {
  const set = header === undefined ? null : /^[ \t]*bytes[ \t]*=(.*)$/i.exec(header)?.[1];
  if (set === undefined || set === null) return WHOLE;
  // "a recipient MUST parse and ignore a reasonable number of empty list elements"
  const specs = set
    .split(",")
    .map((spec) => spec.trim())
    .filter((spec) => spec !== "");
  const [only] = specs;
  if (only === undefined || specs.length > 1) return WHOLE;
  const [, first, last] = /^(\d*)-(\d*)$/.exec(only) ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return WHOLE;
  return first === "" ? suffix(Number(last), sizeBytes) : fromTo(Number(first), last, sizeBytes);
}

/** `-n`: the last n bytes; all of them when there are fewer. */
function suffix(length: number, sizeBytes: number): RangeDecision {
  if (length === 0) return UNSATISFIABLE;
  return { kind: "part", start: Math.max(0, sizeBytes - length), end: sizeBytes };
}

/** `a-b` and `a-`, inclusive on the wire. More digits than a double holds are merely large. */
function fromTo(start: number, last: string, sizeBytes: number): RangeDecision {
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  if (last !== "" && Number(last) < start) return WHOLE;
  return start >= sizeBytes ? UNSATISFIABLE : { kind: "part", start, end };
}
