import { encodeExtended, format } from "content-disposition";
import type { RangeDecision } from "./byte-range.ts";

/**
 * Headers of a download. The bytes are a stranger's: they are never shown in a page of ours, never guessed at, and
 * could run nothing if they were (type, `nosniff`, attachment and sandbox each stop that alone).
 */
export function contentHeaders(file: { readonly filename: string; readonly sha256: string }): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "content-disposition": attachment(file.filename),
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "bytes",
    // A team's bytes stay out of shared caches; a private one asks again and is told 304 while the file is there.
    "cache-control": "private, no-cache",
    etag: contentTag(file.sha256),
    // RFC 9530: over the whole representation, also when a part of it is sent.
    "repr-digest": `sha-256=:${Buffer.from(file.sha256, "hex").toString("base64")}:`,
  };
}

/** Strong: equal tags mean equal bytes. */
export function contentTag(sha256: string): string {
  return `"${sha256}"`;
}

/**
 * RFC 6266: `filename` for clients that know nothing better, and `filename*` (RFC 8187) with the exact name. The
 * fallback is printable ASCII without what clients are known to read differently: quotes, backslashes, percent signs
 * and path separators.
 */
export function attachment(filename: string): string {
  const fallback = filename.replace(/[^\x20-\x7e]|["\\%/]/gu, "_");
  return format(
    { type: "attachment", parameters: { filename: fallback, "filename*": encodeExtended(filename) } },
    { extended: false },
  );
}

/**
 * RFC 9110 §13.1.5: a range counts only while the client's validator is the current one, by strong comparison. A date
 * never is: no Last-Modified is sent.
 */
export function rangeApplies(ifRange: string | undefined, tag: string): boolean {
  return ifRange === undefined || ifRange.trim() === tag;
}

export function rangeHeaders(range: RangeDecision, sizeBytes: number): Record<string, string> {
  switch (range.kind) {
    case "whole":
      return { "content-length": String(sizeBytes) };
    case "part":
      return {
        "content-length": String(range.end - range.start),
        "content-range": `bytes ${range.start}-${range.end - 1}/${sizeBytes}`,
      };
    case "unsatisfiable":
      return { "content-range": `bytes */${sizeBytes}` };
  }
}
