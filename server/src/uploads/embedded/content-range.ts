// The Content-Range of Google's resumable dialect (byte-endpoint §5, sections P, K, Q, X), parsed once into what
// it asks for.

/** 15 digits stay below 2^53. */
const GRAMMAR = /^bytes (?:(\d{1,15})-(\d{1,15}|\*)|\*)\/(\d{1,15}|\*)$/;

export type ContentRange =
  // No header: the body is the object, from byte 0 to its end.
  | { readonly kind: "whole" }
  // "bytes */N", "bytes */*": how much is kept?
  | { readonly kind: "probe"; readonly total: number | null }
  // "bytes a-b/N", "a-b/*", "a-*/N", "a-*/*". `last` null = to the end of this body, which is the end of the object.
  | { readonly kind: "part"; readonly first: number; readonly last: number | null; readonly total: number | null };

/** null = 400 "Failed to parse Content-Range header." Node joins two headers with ", ": they match nothing. */
export function parseContentRange(header: string | undefined): ContentRange | null {
  if (header === undefined) return { kind: "whole" };
  const match = GRAMMAR.exec(header);
  if (match === null) return null;
  const [, firstText, lastText, totalText] = match;
  const total = totalText === undefined || totalText === "*" ? null : Number(totalText);
  if (firstText === undefined) return { kind: "probe", total };
  const first = Number(firstText);
  const last = lastText === undefined || lastText === "*" ? null : Number(lastText);
  if (last !== null && last < first) return null;
  if (total !== null && total <= (last ?? first - 1)) return null;
  return { kind: "part", first, last, total };
}
