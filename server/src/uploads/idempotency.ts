import { createHash } from "node:crypto";
import { parseItem } from "structured-headers";
import type { JsonValue } from "../errors.ts";
import { LIMITS } from "../limits.ts";

/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): an sf-string, or, as most clients send it, the bare
 * value. Both spellings of one value are the same key (IDE-1). null = malformed: also a bare value with a quote in it,
 * which is a quoted one that somebody cut, or glued to something else.
 */
export function parseIdempotencyKey(raw: string): string | null {
  const value = raw.startsWith('"') ? quotedValue(raw) : bareValue(raw);
  if (value === null || value.length === 0 || value.length > LIMITS.idempotencyKeyChars) return null;
  return /^[\x20-\x7e]+$/.test(value) ? value : null;
}

/** What two requests with one key must agree on: SHA-256 of the body's known fields as they were sent. */
export function fingerprintOf(fields: Readonly<Record<string, JsonValue | undefined>>): string {
  return createHash("sha256").update(canonicalJson(fields), "utf8").digest("hex");
}

function bareValue(raw: string): string | null {
  return raw.includes('"') ? null : raw;
}

function quotedValue(raw: string): string | null {
  try {
    const item = parseItem(raw);
    return typeof item[0] === "string" ? item[0] : null;
  } catch {
    return null;
  }
}

/** Keys sorted at every level, absent fields left out. Depth is bounded: the body was parsed with limits.jsonDepth. */
function canonicalJson(value: JsonValue | undefined | Readonly<Record<string, JsonValue | undefined>>): string {
  if (value === null || value === undefined || typeof value !== "object") return JSON.stringify(value ?? null);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(",")}}`;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}
