import { randomBytes } from "node:crypto";

/**
 * Ids: a prefix that says what it names, then 26 characters of Crockford base32: 48 bits of milliseconds and 80 random
 * bits (the ULID layout), so that rows made together lie together in an index. An id is no secret and may be logged;
 * bearer secrets (`sk_…`, upload URLs) never share a prefix with one (contract ALL-6).
 */
const ID_PREFIXES = [
  "sess",
  "file",
  "task",
  "batch",
  "bucket",
  "req",
  "team",
  "key",
  "resp",
  "conv",
  "msg",
  "fs",
  "dash",
] as const;
export type IdPrefix = (typeof ID_PREFIXES)[number];

declare const brand: unique symbol;
export type Id<P extends IdPrefix> = string & { readonly [brand]: P };

export type SessionId = Id<"sess">;
export type FileId = Id<"file">;
export type TaskId = Id<"task">;
export type BucketId = Id<"bucket">;
export type BatchId = Id<"batch">;
export type TeamId = Id<"team">;
export type KeyId = Id<"key">;
export type ResponseId = Id<"resp">;
export type DashboardSessionId = Id<"dash">;
/** What a request came with: a key, or a session of the dashboard. */
export type CredentialId = KeyId | DashboardSessionId;

/** Makes ids. Injected, so that tests and replays can choose them. */
export interface IdSource {
  next<P extends IdPrefix>(prefix: P): Id<P>;
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

export function createIdSource(clock: { now(): number }): IdSource {
  const random = randomPool();
  return { next: (prefix) => brandId(prefix, `${prefix}_${encodeTime(clock.now())}${encodeRandom(random())}`) };
}

const RANDOM_BYTES = 16;
const POOLED_IDS = 256;

/**
 * Random bytes for one id after another, fetched for many at a time: a call into the generator costs more than the
 * rest of an id.
 */
function randomPool(): () => Uint8Array {
  let pool = new Uint8Array(0);
  let used = 0;
  return () => {
    if (used === pool.length) {
      pool = randomBytes(RANDOM_BYTES * POOLED_IDS);
      used = 0;
    }
    used += RANDOM_BYTES;
    return pool.subarray(used - RANDOM_BYTES, used);
  };
}

/** The id, or null when the text cannot be one: callers answer it like an absent id. */
export function parseId<P extends IdPrefix>(prefix: P, text: string): Id<P> | null {
  return text.length <= 64 && text.startsWith(`${prefix}_`) && /^[A-Za-z0-9_]+$/.test(text)
    ? brandId(prefix, text)
    : null;
}

/** Whether the text has the very form that `createIdSource` gives: what a person pastes where a name was meant. */
export function hasIdForm(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(prefix.length + 1));
}

/** The one place where a string becomes an id. */
export function brandId<P extends IdPrefix>(_prefix: P, text: string): Id<P> {
  return text as Id<P>;
}

function encodeTime(ms: number): string {
  let rest = ms;
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeRandom(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += ALPHABET.charAt(byte & 31);
  return text;
}
