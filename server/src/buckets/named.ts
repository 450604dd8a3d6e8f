import { type BucketId, parseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { looksLikeBucketId, normaliseSlug } from "./bucket.ts";

/** One bucket as a request names it. */
export interface NamedBucket {
  /** As sent: what an error shows. */
  readonly sent: string;
  /** The id to look for, when this may be one. */
  readonly id: BucketId | null;
  /** The slug to look for (and, in a create, to make); null when this cannot be one (CRE-5). */
  readonly slug: string | null;
  /** It stands where ids stand: nobody who reads an error shall think of slugs. */
  readonly onlyId?: true;
}

/** More names than this are refused unread: a union of twenty buckets never needs them. */
export const MAX_BUCKET_NAMES = 200;

/** CRE-1, for `invalid_request`; `details.max` is the number. */
export const TOO_MANY_BUCKETS: string = `A file can be in at most ${LIMITS.buckets} buckets; name fewer.`;

/**
 * CRE-1's three forms as one list. What begins `bucket_` in `bucket` is an id or nothing; ids are never
 * provisioned (CRE-2).
 */
export function namedBuckets(request: {
  readonly bucket_ids?: readonly string[] | undefined;
  readonly bucket_slugs?: readonly string[] | undefined;
  readonly bucket?: string | undefined;
}): readonly NamedBucket[] {
  const { bucket_ids: ids = [], bucket_slugs: slugs = [], bucket } = request;
  return [
    ...ids.map((sent) => ({ sent, id: parseId("bucket", sent), slug: null, onlyId: true as const })),
    ...slugs.map((sent) => ({ sent, id: null, slug: normaliseSlug(sent) })),
    ...(bucket === undefined ? [] : [idOrSlug(bucket)]),
  ];
}

/** `bucket`: one text that is either. */
export function idOrSlug(sent: string): NamedBucket {
  return { sent, id: parseId("bucket", sent), slug: looksLikeBucketId(sent) ? null : normaliseSlug(sent) };
}
