import type { IncomingHttpHeaders } from "node:http";
import type { Digests } from "./digests.ts";

/**
 * What the client says that the whole object's digests are, on the request that ends it: `X-Goog-Hash: crc32c=…,md5=…`
 * and `Content-MD5` (rows P21 … P24). Returns the sentence of the refusal, or null when nothing contradicts.
 */
export function digestContradiction(headers: IncomingHttpHeaders, actual: Digests): string | null {
  const claims = [...googClaims(headers["x-goog-hash"])];
  const contentMd5 = headers["content-md5"];
  if (contentMd5 !== undefined) claims.push(["md5", String(contentMd5).trim()]);
  for (const [kind, value] of claims) {
    const sentence = kind === "md5" ? md5Contradiction(value, actual) : crc32cContradiction(value, actual);
    if (sentence !== null) return sentence;
  }
  return null;
}

function* googClaims(header: string | string[] | undefined): Generator<readonly ["md5" | "crc32c", string]> {
  const joined = Array.isArray(header) ? header.join(",") : (header ?? "");
  for (const part of joined.split(",")) {
    const claim = part.trim();
    const equals = claim.indexOf("=");
    const kind = claim.slice(0, Math.max(equals, 0)).toLowerCase();
    if (kind === "md5" || kind === "crc32c") yield [kind, claim.slice(equals + 1)];
  }
}

function md5Contradiction(value: string, actual: Digests): string | null {
  if (!isBase64Of(value, 16)) return `Provided value (${shown(value)}) is not a base64-encoded 128-bit MD5 hash.`;
  if (value === actual.md5Base64) return null;
  return `Provided MD5 hash "${value}" doesn't match calculated MD5 hash "${actual.md5Base64}".`;
}

function crc32cContradiction(value: string, actual: Digests): string | null {
  if (!isBase64Of(value, 4)) return `Provided value (${shown(value)}) is not a base64-encoded 32-bit CRC32C hash.`;
  if (value === actual.crc32cBase64) return null;
  return `Provided CRC32C "${value}" doesn't match calculated CRC32C "${actual.crc32cBase64}".`;
}

function isBase64Of(value: string, bytes: number): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(value) && Buffer.from(value, "base64").length === bytes;
}

function shown(value: string): string {
  return value.slice(0, 100).replace(/[^\x20-\x7e]/g, "?");
}
