import { LIMITS } from "../limits.ts";
import type { StoredEntry } from "./blob-store.ts";

/**
 * Since when nobody but this process can have written to the store, ms: it holds the folder's lock, and none of its
 * requests writes a session of the page. Whatever lies there beyond its record was left by somebody who is gone.
 * null: others may write just now.
 */
export type HeldMs = number | null;

/**
 * In use a temporary has age 0. One of another process that opens the store beside this one is younger than this one.
 */
export function isLeftover({ ageMs }: StoredEntry & { readonly kind: "temporary" }, heldMs: HeldMs): boolean {
  return ageMs >= Math.min(heldMs ?? LIMITS.temporaryMaxAgeMs, LIMITS.temporaryMaxAgeMs);
}
