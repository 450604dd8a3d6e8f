import { createHash } from "node:crypto";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type BucketView, listBuckets } from "./store.ts";

export interface ListBuckets {
  readonly teamId: TeamId;
  readonly includeArchived: boolean;
  /** `next_cursor` of the page before. */
  readonly cursor: string | undefined;
  /** null = all that there are. */
  readonly limit: number | null;
}

/** The team's buckets by slug. Throws `invalid_request` for a cursor that is none of this team's. */
export async function readBuckets(
  catalogue: Catalogue,
  { teamId, includeArchived, cursor, limit }: ListBuckets,
): Promise<{ readonly buckets: readonly BucketView[]; readonly nextCursor: string | null }> {
  const buckets: BucketView[] = [];
  let after = cursor === undefined ? null : slugOf(teamId, cursor);
  for (;;) {
    const left = limit === null ? LIMITS.bucketsPerRead : Math.min(limit - buckets.length, LIMITS.bucketsPerRead);
    const page = await catalogue.run(listBuckets, { teamId, includeArchived, after, limit: left });
    buckets.push(...page.buckets);
    after = buckets.at(-1)?.slug ?? null;
    if (!page.more || after === null) return { buckets, nextCursor: null };
    if (buckets.length === limit) return { buckets, nextCursor: cursorAt(teamId, after) };
  }
}

/** Opaque, and sealed with the team, so that another list's or team's cursor is refused instead of misread. No secret. */
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
