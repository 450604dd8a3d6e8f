import { createHash } from "node:crypto";
import type { BucketId, FileId } from "../ids.ts";
import type { BuildLabels } from "./search-index.ts";

/**
 * Hints as tokens of a column of their own. Each holds a `_`, which no term of the analyser does, so that terms and
 * hints can share a table of counts; the column filter keeps queries for words away from them.
 */
export function hintTokens(write: BuildLabels): readonly string[] {
  return [fileHint(write.file), ...write.buckets.map(bucketHint), ...new Set(write.tags.map(tagHint))];
}

/** The same chunk's hints with other tags: a file's tags may read otherwise since an earlier version. */
export function withTags(hints: readonly string[], tags: readonly string[]): readonly string[] {
  return [...hints.filter((hint) => !hint.startsWith(TAG)), ...new Set(tags.map(tagHint))];
}

export function fileHint(file: FileId): string {
  return file;
}

export function bucketHint(bucket: BucketId): string {
  return bucket;
}

const TAG = "tag_";

/**
 * A digest: a tag may hold any character, a token none but letters and digits. Two tags that met would only let too
 * much through.
 */
export function tagHint(tag: string): string {
  return tagAsSent(tag.normalize("NFC"));
}

/** As the index of analyser 1 has it: a tag that was stored decomposed was found by that spelling alone. */
export function tagAsSent(tag: string): string {
  return `${TAG}${createHash("sha256").update(tag).digest("hex").slice(0, 20)}`;
}
