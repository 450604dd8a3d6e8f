import { type JsonValue, WharfError } from "../errors.ts";
import { invalid } from "../files/fields.ts";
import type { CreateRequest } from "./create-session.ts";

/** The file of a form, as far as it describes itself. */
export interface UploadedFile {
  readonly filename: string | null;
  readonly contentType: string | null;
  readonly sizeBytes: number;
}

/**
 * The fields of a one-call upload (CON-2) as a create has them. What may be given several times is a list, in the
 * order sent; of any other field the last one counts, as in JSON (contract §12). Unknown ones are ignored (ALL-9).
 * Throws WharfError naming the field; pure.
 */
export function readUploadForm(
  fields: readonly (readonly [name: string, value: string])[],
  { filename, contentType, sizeBytes }: UploadedFile,
): CreateRequest {
  const all = (name: string) => {
    const values = fields.flatMap(([field, value]) => (field === name ? [value] : []));
    return values.length === 0 ? undefined : values;
  };
  const last = (name: string) => all(name)?.at(-1);
  if (filename === null)
    throw new WharfError("invalid_filename", {
      message: "The part file must name the file: filename in its Content-Disposition.",
      details: { field: "filename" },
    });
  return {
    filename,
    content_type: contentType ?? undefined,
    size_bytes: sizeBytes,
    title: last("title"),
    tags: all("tags"),
    metadata: readMetadata(last("metadata")),
    bucket_ids: all("bucket_ids"),
    bucket_slugs: all("bucket_slugs"),
    bucket: last("bucket"),
    create_missing_buckets: readBoolean("create_missing_buckets", last("create_missing_buckets")),
  };
}

/** An empty field is one that nobody filled in. */
function readMetadata(sent: string | undefined): Readonly<Record<string, JsonValue>> | undefined {
  if (sent === undefined || sent.trim() === "") return undefined;
  const value = parse(sent);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid("metadata", 'metadata must be the JSON text of an object, such as {"year":2024}.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readBoolean(field: string, sent: string | undefined): boolean | undefined {
  switch (sent) {
    case undefined:
    case "":
      return undefined;
    case "true":
      return true;
    case "false":
      return false;
    default:
      throw invalid(field, `${field} must be true or false.`);
  }
}
