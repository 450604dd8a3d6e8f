import { type JsonObject, listIn, numberIn, objectIn, textIn, textsIn } from "../client/json.ts";
import { CliError } from "../exit-codes.ts";
import { type Io, printable, styled } from "../io.ts";
import { table } from "../table.ts";
import { warningsOf } from "./wait.ts";

/** A file whose bytes are stored. */
export interface Uploaded {
  /** As the server told of it last (contract §4). */
  readonly file: JsonObject;
  readonly fileId: string;
  readonly sessionId: string | null;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  /** It had been finalized before this run. */
  readonly alreadyThere: boolean;
  /** Bytes that an earlier run had sent. */
  readonly resumedAt: number;
}

/** How it ended for one file. */
export type Outcome = { readonly path: string; readonly filename: string } & (
  | {
      readonly uploaded: Uploaded;
      /** `--wait` ran out of time. */
      readonly timedOut: boolean;
      /** Why `--wait` could not say how it ended. The file is safe all the same. */
      readonly waitError: Error | null;
    }
  | { readonly error: Error }
);

export type UploadedOutcome = Extract<Outcome, { readonly uploaded: Uploaded }>;

/** For people: one file in a few lines, several as a table. */
export function report(io: Io, outcomes: readonly Outcome[], buckets: readonly string[]): void {
  const [first] = outcomes;
  if (outcomes.length === 1 && first !== undefined) io.stdout.write(one(io, first, buckets));
  else io.stdout.write(several(outcomes, buckets));
}

function one(io: Io, outcome: Outcome, buckets: readonly string[]): string {
  const name = styled(io.stdout, "bold", printable(outcome.filename));
  if ("error" in outcome) return `${name} was not uploaded: ${printable(outcome.error.message)}\n`;
  const { file, fileId } = outcome.uploaded;
  const pages = numberIn(file, "pages");
  const warnings = warningsOf(file);
  const lines = [
    `${name} ${sentence(outcome)}`,
    `  File     ${fileId}`,
    ...(pages === null ? [] : [`  Pages    ${pages}`]),
    ...(warnings === "" ? [] : [`  Missing  ${printable(warnings)}`]),
    `  Buckets  ${buckets.join(", ")}`,
    hint(file["status"], fileId, buckets),
  ];
  return `${lines.join("\n")}\n`;
}

function sentence({ uploaded: { file, alreadyThere }, timedOut, waitError }: UploadedOutcome): string {
  if (waitError !== null) return `is uploaded; how its indexing ends is not known: ${printable(waitError.message)}`;
  if (textIn(file, "status") === "failed") return `could not be indexed: ${printable(errorOf(file)?.message ?? "")}`;
  if (timedOut) return "is safe, and still being indexed.";
  if (textIn(file, "status") === "indexed")
    return alreadyThere ? "was here already, indexed and searchable." : "is indexed and searchable.";
  return "is uploaded; indexing goes on by itself.";
}

function hint(status: unknown, fileId: string, buckets: readonly string[]): string {
  if (status === "indexed") return `  Search   wharf search "…" --bucket ${buckets[0] ?? ""}`;
  return `  Status   wharf status ${fileId}`;
}

function several(outcomes: readonly Outcome[], buckets: readonly string[]): string {
  const rows = outcomes.map((outcome) => {
    const name = printable(outcome.filename);
    if ("error" in outcome) return [name, "not uploaded", "", printable(outcome.error.message)];
    const { file, fileId } = outcome.uploaded;
    const error = outcome.waitError ?? (textIn(file, "status") === "failed" ? errorOf(file) : null);
    return [name, textIn(file, "status") ?? "", fileId, printable(error?.message ?? warningsOf(file))];
  });
  const counts = new Map<string, number>();
  for (const [, status = ""] of rows) counts.set(status, (counts.get(status) ?? 0) + 1);
  const summary = [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
  const searchable = counts.has("indexed") ? ` Search: wharf search "…" --bucket ${buckets[0] ?? ""}` : "";
  return `${table(["FILE", "STATUS", "ID", ""], rows)}\n${outcomes.length} files: ${summary}.${searchable}\n`;
}

/** One entry of `files` in the JSON document. Each has every field. */
export function outcomeToJson(outcome: Outcome) {
  const { path, filename } = outcome;
  if ("error" in outcome) {
    return { ...NOT_UPLOADED, path, filename, error: errorToJson(outcome.error) };
  }
  const { file, fileId, sessionId, sizeBytes, sha256, alreadyThere, resumedAt } = outcome.uploaded;
  return {
    path,
    filename,
    status: textIn(file, "status"),
    file_id: fileId,
    task_id: textIn(objectIn(file, "task"), "id"),
    session_id: sessionId,
    size_bytes: sizeBytes,
    sha256,
    bucket_ids: textsIn(file, "bucket_ids"),
    already_there: alreadyThere,
    resumed_at: resumedAt,
    timed_out: outcome.timedOut,
    warnings: listIn(file, "warnings"),
    error: jsonErrorOf(outcome),
  };
}

function jsonErrorOf({ uploaded, waitError }: UploadedOutcome) {
  if (waitError !== null) return errorToJson(waitError);
  return textIn(uploaded.file, "status") === "failed" ? errorOf(uploaded.file) : null;
}

function errorToJson(error: Error) {
  return { code: error instanceof CliError ? error.code : "failure", message: error.message };
}

const NOT_UPLOADED = {
  status: null,
  file_id: null,
  task_id: null,
  session_id: null,
  size_bytes: null,
  sha256: null,
  bucket_ids: [],
  already_there: false,
  resumed_at: null,
  timed_out: false,
  warnings: [],
} as const;

function errorOf(file: Parameters<typeof textIn>[0]): { readonly code: string; readonly message: string } | null {
  const error = objectIn(file, "error");
  const code = textIn(error, "code");
  return code === null ? null : { code, message: textIn(error, "message") ?? "" };
}
