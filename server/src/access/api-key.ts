import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Project API keys: `sk_wharf_` is avoided on purpose (scanners take `sk_live_` for another vendor's); ours is `sk_` +
 * 43 base62 characters (256 bits) + 6 base62 characters of CRC32, so that a mistyped or cut key is told apart without a
 * look-up and secret scanners have few false hits. The service keeps the SHA-256 alone.
 */
export const SCOPES = ["files:write", "files:read", "search", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a new key may do unless said otherwise: all but administration (ALL-10). */
export const DEFAULT_SCOPES: readonly Scope[] = ["files:write", "files:read", "search"];

const SECRET_CHARS = 43;
const CHECK_CHARS = 6;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `random`: at least 64 random bytes. */
export function makeApiKey(random: Uint8Array): string {
  let secret = "";
  for (const byte of random) {
    // 62 × 4 = 248: dropping the rest keeps all characters equally likely.
    if (byte < 248 && secret.length < SECRET_CHARS) secret += BASE62.charAt(byte % 62);
  }
  if (secret.length < SECRET_CHARS) throw new Error("not enough random bytes for a key");
  return `sk_${secret}${checkOf(secret)}`;
}

/** SHA-256 of the key in hexadecimal: how it is stored and looked up. */
export function hashApiKey(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

/** Keys are opaque: whatever was minted is accepted. Only what cannot be a header value of ours is refused unread. */
export function isPlausibleKey(text: string): boolean {
  return /^sk_[A-Za-z0-9_-]{8,200}$/.test(text);
}

export function parseScope(text: string): Scope | null {
  return SCOPES.find((scope) => scope === text) ?? null;
}

/** As rows hold them: a JSON array. */
export function readScopes(json: string): readonly Scope[] {
  const list: unknown = JSON.parse(json);
  if (!Array.isArray(list)) return [];
  return list.flatMap((text) => parseScope(String(text)) ?? []);
}

/** ALL-10: a key that may change things but not read them is told ids and states of what it changed. */
export function mayReadFiles({ scopes }: { readonly scopes: readonly Scope[] }): boolean {
  return scopes.includes("files:read");
}

function checkOf(secret: string): string {
  let rest = crc32(secret);
  let text = "";
  for (let i = 0; i < CHECK_CHARS; i++) {
    text = BASE62.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}
