import type { BucketStatus } from "../catalogue/schema.ts";
import { invalidRequest } from "../errors.ts";
import { hasIdForm } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { normaliseSlug, type Slug } from "./bucket.ts";

/** What a request says of a bucket, as its schema lets it through. */
export interface BucketFields {
  readonly slug?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly status?: BucketStatus | undefined;
}

/** Throws `invalid_request` naming the field. Pure. */
export function readNewBucket({ slug: sent = "", name, description }: BucketFields) {
  const slug = readSlug(sent);
  return { slug, name: readName(name) ?? slug, description: readDescription(description) ?? null };
}

/** The same for a change: what is undefined stays. */
export function readBucketChange({ slug, name, description, status }: BucketFields) {
  if (slug !== undefined)
    throw invalidRequest(
      "slug",
      "A bucket keeps its slug, since requests name it by it. Change its name, or make another bucket.",
    );
  return { name: readName(name), description: readDescription(description), status };
}

function readSlug(sent: string): Slug {
  // It would be called like another one.
  const slug = hasIdForm("bucket", sent) ? null : normaliseSlug(sent);
  if (slug !== null) return slug;
  throw invalidRequest(
    "slug",
    `slug must have 1 to ${LIMITS.slugChars} of a-z, 0-9 and -, and begin with a letter or a digit; capitals, spaces and _ are converted. A bucket's id is no slug.`,
    { max_chars: LIMITS.slugChars },
  );
}

/** An empty one counts as absent, as a file's title does. */
function readName(sent: string | undefined): string | undefined {
  return sent === undefined || sent === "" ? undefined : atMost("name", sent, LIMITS.bucketNameChars);
}

/** An empty one takes it away. */
function readDescription(sent: string | undefined): string | null | undefined {
  if (sent === undefined) return undefined;
  return sent === "" ? null : atMost("description", sent, LIMITS.bucketDescriptionChars);
}

/** Lengths count Unicode code points (contract §12). */
function atMost(field: string, text: string, maxChars: number): string {
  if ([...text].length <= maxChars) return text;
  throw invalidRequest(field, `${field} may have at most ${maxChars} characters; shorten it.`, { max_chars: maxChars });
}
