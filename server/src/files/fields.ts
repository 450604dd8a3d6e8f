import { type ErrorDetails, type JsonValue, WharfError } from "../errors.ts";
import { LIMITS } from "../limits.ts";

/**
 * What a client may say of a file (contract §2, §12), alike in a create, a batch and a change. Throws WharfError naming
 * the field; pure.
 */
export function validTitle(sent: string): string {
  if (codePoints(sent) > LIMITS.titleChars)
    throw invalid("title", `title may have at most ${LIMITS.titleChars} characters; shorten it.`);
  return sent;
}

/** Judged after trimming, dropping empty ones and de-duplicating. */
export function validTags(sent: readonly string[]): readonly string[] {
  const tags = [...new Set(sent.map((tag) => tag.trim()).filter((tag) => tag !== ""))];
  if (tags.length > LIMITS.tags)
    throw new WharfError("too_many_tags", {
      message: `A file may have at most ${LIMITS.tags} tags; these are ${tags.length}.`,
      details: { field: "tags", max: LIMITS.tags },
    });
  const long = tags.find((tag) => codePoints(tag) > LIMITS.tagChars);
  if (long !== undefined) throw invalid("tags", `A tag may have at most ${LIMITS.tagChars} characters; shorten it.`);
  return tags;
}

/** As JSON text. */
export function validMetadata(metadata: Readonly<Record<string, JsonValue>>): string {
  const json = JSON.stringify(metadata);
  const bytes = Buffer.byteLength(json, "utf8");
  if (bytes > LIMITS.metadataBytes)
    throw new WharfError("metadata_too_large", {
      message: `metadata may have at most ${LIMITS.metadataBytes} bytes as JSON; this one has ${bytes}.`,
      details: { field: "metadata", max_bytes: LIMITS.metadataBytes, bytes },
    });
  return json;
}

export function invalid(field: string, message: string, more: ErrorDetails = {}): WharfError {
  return new WharfError("invalid_request", { message, details: { field, ...more } });
}

/** Lengths count Unicode code points (contract §12). */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
