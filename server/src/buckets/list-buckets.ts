import { createHash } from "node:crypto";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import type { Holder } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type BucketView, listBuckets } from "./store.ts";

export interface BucketsDeps {
  readonly catalogue: Catalogue;
  /** Turns at reads that look at many rows. */
  readonly walks: Turns;
}

export interface ListBuckets {
  readonly by: Holder;
  /** Aborted when nobody waits any more. */
  readonly gone: AbortSignal;
  readonly includeArchived: boolean;
  /** Those alone whose slug begins so; "" = all. */
  readonly slugPrefix: string;
  /** `next_cursor` of the page before. */
  readonly cursor: string | undefined;
  /** null = all that there are, with limits.listedFileIds between them. */
  readonly limit: number | null;
  /**
   * Most ids of files in all of them; default: limits.listedFileIds when there is no limit, else all of each bucket.
   */
  readonly mostFileIds?: number;
}

export interface SomeBuckets {
  readonly buckets: readonly BucketView[];
  /** Of the last ones: where the next page begins; null = there are no more. */
  readonly nextCursor: string | null;
}

/**
 * The team's buckets by slug, some at a time: a team may have thousands, each with a thousand ids, and one read after
 * another takes its turn. Throws `invalid_request` for a cursor that is none of this team's.
 */
export async function* bucketsOf(
  { catalogue, walks }: BucketsDeps,
  { by, gone, includeArchived, slugPrefix, cursor, limit, mostFileIds }: ListBuckets,
): AsyncGenerator<SomeBuckets> {
  const { teamId } = by;
  let after = cursor === undefined ? null : slugOf(teamId, cursor);
  let left = limit ?? Number.POSITIVE_INFINITY;
  let ids = mostFileIds ?? (limit === null ? LIMITS.listedFileIds : Number.POSITIVE_INFINITY);
  for (;;) {
    const wanted = {
      teamId,
      includeArchived,
      slugPrefix,
      after,
      limit: Math.min(left, LIMITS.bucketsPerRead),
      fileIds: ids,
    };
    const { buckets, more } = await walks.run(by, gone, () => catalogue.run(listBuckets, wanted));
    left -= buckets.length;
    for (const { fileIds } of buckets) ids -= fileIds.length;
    after = buckets.at(-1)?.slug ?? null;
    const ended = !more || after === null || left === 0;
    yield { buckets, nextCursor: more && after !== null ? cursorAt(teamId, after) : null };
    if (ended) return;
  }
}

/**
 * Opaque, and sealed with the team, so that another list's or team's cursor is refused instead of misread. No secret.
 */
function cursorAt(teamId: TeamId, slug: string): string {
  const seal = createHash("sha256").update(`buckets ${teamId} ${slug}`).digest("base64url").slice(0, 16);
  return Buffer.from(`${slug}.${seal}`).toString("base64url");
}

function slugOf(teamId: TeamId, cursor: string): string {
  const [slug = ""] = Buffer.from(cursor, "base64url").toString("utf8").split(".");
  if (cursorAt(teamId, slug) === cursor) return slug;
  const message = "cursor is not one of this list: send next_cursor as it came.";
  throw new WharfError("invalid_request", { message, details: { field: "cursor" } });
}
