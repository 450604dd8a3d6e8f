import { LIMITS } from "../limits.ts";

/**
 * - **bucket**: what a team sorts its files into, and what a search is scoped to. Its files are searched
 *   only through it.
 * - **slug**: the bucket's name in URLs and requests, unique in the team: `[a-z0-9][a-z0-9-]{0,62}` (CRE-5).
 * - **membership**: one file in one bucket: `pending → active | failed` (membership.store.ts).
 * - **archived**: hidden from lists and searches; nothing can be assigned to it.
 */
declare const brand: unique symbol;
export type Slug = string & { readonly [brand]: "Slug" };

/**
 * The slug that the text means, or null when it means none: lower-cased, each space or `_` becomes one `-`, nothing is
 * trimmed or collapsed (CRE-5, contract §12 buckets).
 */
export function normaliseSlug(text: string): Slug | null {
  const slug = spelledAsSlug(text);
  return isSlug(slug) ? slug : null;
}

/** The same of a part of one, which may be none. */
export function spelledAsSlug(text: string): string {
  return text.toLowerCase().replace(/[ _]/g, "-");
}

/**
 * What looks like an id is never taken for a slug to provision: `bucket_abc` that is no id of the team is unresolved
 * (contract §12 buckets), for a typing error in an id must not make a bucket.
 */
export function looksLikeBucketId(text: string): boolean {
  return text.startsWith("bucket_");
}

function isSlug(text: string): text is Slug {
  return text.length <= LIMITS.slugChars && /^[a-z0-9][a-z0-9-]*$/.test(text);
}
