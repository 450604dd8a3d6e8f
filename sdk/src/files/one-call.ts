import type { Calls } from "../core/calls.ts";
import { ApiError, WharfError } from "../core/errors.ts";
import { randomHex } from "../core/hex.ts";
import type { Operations } from "../generated/types.ts";
import type { Content } from "./content.ts";
import { type Description, idempotencyKey } from "./description.ts";

/** A file as the one-call upload answered it. */
export type OneCallFile = Operations["uploadFile"]["answer"] & {
  /** An earlier call made it. */
  readonly alreadyThere: boolean;
};

/** Enough for any history of one document within the 7 days that keys live. */
const MAX_FILES = 100;

/**
 * One content in one request (CON-2): description and bytes as a form. A line that breaks begins it again from the
 * first byte; its key follows from the content, as that of a session does, so that the second try finds what the first
 * made.
 */
export async function storeInOneCall(
  calls: Calls,
  content: Content,
  description: Description,
  signal: AbortSignal,
): Promise<OneCallFile> {
  const bytes = await content.read(0, content.sizeBytes);
  if (!(await content.isUnchanged()))
    throw new WharfError("file_changed", "The file changed while it was being read; nothing was sent.");
  const deleted: string[] = [];
  while (deleted.length < MAX_FILES) {
    const key = await idempotencyKey(content, description, deleted);
    const file = await send({ calls, bytes, description, key, signal });
    if (file.status !== "deleted") return file;
    deleted.push(file.id);
  }
  throw new WharfError("no_session", "The uploaded file is deleted again and again.");
}

interface Job {
  readonly calls: Calls;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly description: Description;
  readonly key: string;
  readonly signal: AbortSignal;
}

/** The key leaves `create_missing_buckets` out and the server's comparison does not, as in a create (upload.ts). */
async function send({ calls, bytes, description, key, signal }: Job): Promise<OneCallFile> {
  const attempt = async (described: Description): Promise<OneCallFile> => {
    const headers = { "Idempotency-Key": key };
    const { body: file, answer } = await calls.form("uploadFile", formOf(described, bytes), headers, { signal });
    const replayed = answer.header("Idempotent-Replayed") === "true";
    return { ...file, alreadyThere: replayed && file.status !== "queued" };
  };
  try {
    return await attempt(description);
  } catch (error) {
    if (!ApiError.is(error, "idempotency_key_reused")) throw error;
    const isOther = description.create_missing_buckets === true;
    return attempt({ ...description, create_missing_buckets: isOther ? undefined : true });
  }
}

export interface Form {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The form as bytes, so that every try sends the same ones, over whatever carries them. The fields stand before the
 * file: what is wrong with them can be said before it is sent.
 */
export function formOf(description: Description, bytes: Uint8Array<ArrayBuffer>): Form {
  // As JSON a server refuses it; as UTF-8 it would be another text, and nobody would be told.
  if (Object.values(description).flat().some(isBroken))
    throw new WharfError("config", "A name, title, tag or bucket holds half of a character (a lone surrogate).");
  const boundary = `wharf-${randomHex()}`;
  const { filename, content_type: type = "application/octet-stream", metadata, ...others } = description;
  const fields = Object.entries({ ...others, metadata: metadata === undefined ? undefined : JSON.stringify(metadata) });
  const parts = fields.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== undefined)
      .map((one) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${one}\r\n`),
  );
  const head = `Content-Disposition: form-data; name="file"; ${parameter(filename)}\r\nContent-Type: ${oneLine(type)}`;
  const encoder = new TextEncoder();
  const before = encoder.encode(`${parts.join("")}--${boundary}\r\n${head}\r\n\r\n`);
  const after = encoder.encode(`\r\n--${boundary}--\r\n`);
  const body = new Uint8Array(before.length + bytes.length + after.length);
  body.set(before);
  body.set(bytes, before.length);
  body.set(after, before.length + bytes.length);
  return { contentType: `multipart/form-data; boundary=${boundary}`, body };
}

function isBroken(value: unknown): boolean {
  return typeof value === "string" && /\p{Surrogate}/u.test(value);
}

/** What would end the quotes, or the line, goes encoded; whether it may be in a name is the server's to say. */
function parameter(filename: string): string {
  const isPlain = ![...filename].some((character) => character < " " || '"\\\u007f'.includes(character));
  return isPlain ? `filename="${filename}"` : `filename*=UTF-8''${encoded(filename)}`;
}

/** RFC 8187: encodeURIComponent leaves ' ( ) * as they are. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function oneLine(type: string): string {
  return type.replace(/[\r\n]+/g, " ");
}
