import type { Command } from "commander";
import { ApiError } from "../../sdk/src/core/errors.ts";
import { eachInLanes } from "../../sdk/src/core/lanes.ts";
import type { UploadedFile, UploadProgress } from "../../sdk/src/files/upload.ts";
import type { FileToUpload } from "../../sdk/src/files/upload-many.ts";
import type { Wharf } from "../../sdk/src/node.ts";
import { toError } from "../../server/src/errors.ts";
import { addClientFlags, type ClientFlags, collect, wholeNumber, withWharf } from "../client/command.ts";
import { type JsonObject, objectIn, objectOf, textIn } from "../client/json.ts";
import { toCliError } from "../client/refusals.ts";
import { CliError, EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, printJson } from "../io.ts";
import { type Found, findFiles, STDIN } from "./find-files.ts";
import { listEnded } from "./list-ended.ts";
import { createProgressView, silentView } from "./progress-view.ts";
import { type Outcome, outcomeToJson, report, type Uploaded, type UploadedOutcome } from "./report.ts";
import { withSpooledStdin } from "./spooled-stdin.ts";
import { stageOf, waitForEnd } from "./wait.ts";
import type { BytesWatcher, Ending, ProgressView } from "./watcher.ts";

const HELP = `
Uploads each file, and each file below a folder, into the buckets. Files that begin with a dot and symbolic links below
a folder are left out; what cannot be read or is no regular file is reported, and the rest goes on. It may be killed at
any time: the same command goes on where it was, and finds what is finished. It reads a large file twice, a piece at a
time, and sends 8 at once. A refused create (429) is repeated quietly.

Examples:
  $ wharf upload handbook.pdf --bucket handbook --create-missing-buckets --wait
  $ wharf upload ./contracts --bucket legal --tag 2026 --tag signed
  $ wharf upload note.txt --bucket legal --title "Call with the court" --metadata '{"case":"7 U 12/26"}'
  $ pg_dump -s shop | wharf upload - --filename shop.sql --bucket schemas
  $ wharf upload report.pdf --bucket legal --wait --json | jq -r '.files[0].file_id'

Exit code: 0 when every file is uploaded (with --wait: indexed), 3 when at least one is not, 4 when --timeout is over.`;

interface Flags extends ClientFlags {
  readonly bucket: readonly string[];
  readonly createMissingBuckets?: true;
  readonly title?: string;
  readonly filename?: string;
  readonly tag?: readonly string[];
  readonly metadata?: JsonObject;
  readonly contentType?: string;
  readonly wait?: true;
  readonly timeout: number;
}

/** Files waited for at once. */
const AT_ONCE = 8;
const DEFAULT_RETRY_SECONDS = 300;
const DEFAULT_TIMEOUT_SECONDS = 600;

/** `wharf upload <path…>`. */
export function defineUpload(command: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  command
    .argument("<path...>", "files and folders; - is stdin")
    .requiredOption("--bucket <bucket>", "slug or id of a bucket; may be repeated", collect)
    .option("--create-missing-buckets", "create slugs that do not exist")
    .option("--title <title>", "title of the one file (default: its name)")
    .option("--filename <name>", "file name of the one file (default: its own; stdin for -)")
    .option("--tag <tag>", "may be repeated", collect)
    .option("--metadata <json>", "a JSON object, stored with each file", parseMetadata)
    .option("--content-type <type>", "declare the type (default: the server looks at the content)")
    .option("--wait", "wait until the files are indexed and searchable")
    .option(
      "--timeout <seconds>",
      `how long --wait waits once all bytes are there (default: ${DEFAULT_TIMEOUT_SECONDS})`,
      wholeNumber("--timeout", 0, 86_400),
      DEFAULT_TIMEOUT_SECONDS,
    )
    .addHelpText("after", HELP);
  addClientFlags(command, DEFAULT_RETRY_SECONDS);
  command.action((paths: readonly string[], flags: Flags) => {
    const upload = (spooledAt: string | null) => uploadPaths(io, paths, spooledAt, flags).then(end);
    return paths.includes(STDIN) ? withSpooledStdin(io.stdin(), io.signal, upload) : upload(null);
  });
}

async function uploadPaths(
  io: Io,
  paths: readonly string[],
  spooledAt: string | null,
  flags: Flags,
): Promise<ExitCode> {
  const found = await findFiles(paths, spooledAt);
  for (const flag of ["title", "filename"] as const)
    if (flags[flag] !== undefined && found.length > 1)
      throw new CliError(EXIT.usage, "usage", `--${flag} is for one file, and these are several.`);
  const named = found.map((file) => ({ ...file, filename: flags.filename ?? file.filename }));
  const outcomes = await withWharf(flags, io, (wharf) => uploadAll({ wharf, io, flags }, named));
  const exitCode = exitCodeOf(outcomes);
  if (flags.json) printJson(io, { ok: exitCode === EXIT.ok, files: outcomes.map(outcomeToJson) });
  else report(io, outcomes, flags.bucket);
  return exitCode;
}

interface Run {
  readonly wharf: Wharf;
  readonly io: Io;
  readonly flags: Flags;
}

/**
 * All bytes first, then all waits: a long document must not hold up the upload of the next. In the order of `found`.
 * Rejects only when no file can go any further: a refused key, or a signal.
 */
async function uploadAll(run: Run, found: readonly Found[]): Promise<readonly Outcome[]> {
  const { wharf, io, flags } = run;
  // One cheap call first: a wrong key or address is said once, before anything is read.
  await wharf.connection({ signal: io.signal });
  const view = flags.json ? silentView : createProgressView(io);
  try {
    const stored = await storeAll(run, view, found);
    if (!flags.wait) return stored;
    const deadline = performance.now() + flags.timeout * 1000;
    const ended = await waitTogether(run, stored, deadline);
    const outcomes: Outcome[] = [...stored];
    await eachInLanes(stored.entries(), AT_ONCE, async ([place, outcome]) => {
      if ("error" in outcome) return;
      const file = ended.get(outcome.uploaded.fileId);
      outcomes[place] = file ? tellEnded(view, outcome, file) : await waitForOne(run, view, outcome, deadline);
    });
    return outcomes;
  } finally {
    view.close();
  }
}

/**
 * Those that have ended, of the files that this run has uploaded, when they are many; those that were there before may
 * have to be retried. When the last one has ended, most have: one held request and a few of the list tell of all,
 * where two for each file were as many as its upload takes. On a terminal, whose bars show how far each file is, it
 * waits for none.
 */
async function waitTogether(run: Run, stored: readonly Outcome[], deadline: number) {
  const { wharf, io, flags } = run;
  const fresh = stored.flatMap((outcome) =>
    "uploaded" in outcome && !outcome.uploaded.alreadyThere ? outcome.uploaded.fileId : [],
  );
  const ended = new Map<string, JsonObject>();
  const left = new Set(fresh);
  const looks = showsBars(run) ? 1 : LOOKS;
  for (let look = 0; look < looks && left.size > AT_ONCE; look++) {
    const last = [...left].at(-1);
    if (last !== undefined && !showsBars(run)) await hasEnded(run, last, deadline);
    const [first = ""] = flags.bucket;
    for (const [id, file] of await listEnded(wharf, first, left, fresh.length, io.signal)) {
      ended.set(id, file);
      left.delete(id);
    }
  }
  return ended;
}

/** What is long is left after the first; what is very long is waited for by itself. */
const LOOKS = 3;

/** Or the time is over; or it cannot be told, and who asks for the file next is told why. */
async function hasEnded({ wharf, io: { signal } }: Run, fileId: string, deadline: number): Promise<void> {
  const timeoutMs = deadline - performance.now();
  await wharf.files.waitUntilIndexed(fileId, { timeoutMs, pollSeconds: POLL_SECONDS, signal }).catch(() => {});
  signal.throwIfAborted();
}

function showsBars({ io, flags }: Run): boolean {
  return io.stderr.isTerminal && !flags.json;
}

/** One held request is enough where nobody looks. */
const POLL_SECONDS = 30;

/** In the order of `found`. */
async function storeAll(
  { wharf, io, flags }: Run,
  view: ProgressView,
  found: readonly Found[],
): Promise<readonly Outcome[]> {
  const usable = found.filter((file) => !("error" in file));
  const watchers = new Map<number, BytesWatcher & Ending>();
  const watch = (place: number, filename: string, progress: UploadProgress) => {
    const watcher = watchers.get(place) ?? view.watchBytes(filename);
    watchers.set(place, watcher);
    tell(watcher, progress);
  };
  const files = usable.map(
    ({ filename, path, spooledAt = path }, place): FileToUpload => ({
      source: spooledAt,
      filename,
      bucket: flags.bucket,
      createMissingBuckets: flags.createMissingBuckets,
      title: flags.title,
      tags: flags.tag,
      metadata: flags.metadata,
      contentType: flags.contentType,
      onProgress: (progress) => watch(place, filename, progress),
    }),
  );
  const onResult = (place: number) => watchers.get(place)?.ended();
  const results = (await wharf.files.uploadMany(files, { signal: io.signal, onResult })).values();
  return found.map((file) => {
    if ("error" in file) return file;
    const { value: result } = results.next();
    if (result !== undefined && "file" in result)
      return { ...file, uploaded: storedOf(result.file), timedOut: false, waitError: null };
    return { path: file.path, filename: file.filename, error: ofThisFile(io, result?.error) };
  });
}

function tell(watcher: BytesWatcher, { step, sentBytes, totalBytes }: UploadProgress): void {
  if (step === "read") watcher.size(totalBytes);
  else if (step === "starting") watcher.resumes(sentBytes);
  else watcher.at(sentBytes);
}

function storedOf({ alreadyThere, resumedAtBytes, ...file }: UploadedFile): Uploaded {
  return {
    file,
    fileId: file.id,
    sessionId: file.source?.session_id ?? null,
    sizeBytes: file.size_bytes,
    sha256: file.sha256 ?? null,
    alreadyThere,
    resumedAt: resumedAtBytes,
  };
}

function tellEnded(view: ProgressView, outcome: UploadedOutcome, file: JsonObject): Outcome {
  const watcher = view.watchIndexing(outcome.filename, outcome.uploaded.sizeBytes);
  watcher.stage(stageOf(file));
  watcher.ended();
  return { ...outcome, uploaded: { ...outcome.uploaded, file } };
}

async function waitForOne(run: Run, view: ProgressView, outcome: UploadedOutcome, deadline: number): Promise<Outcome> {
  const { wharf, io } = run;
  const { uploaded } = outcome;
  const watcher = view.watchIndexing(outcome.filename, uploaded.sizeBytes);
  // On a terminal the bar shows how far indexing is.
  const pollSeconds = showsBars(run) ? 1 : POLL_SECONDS;
  try {
    await retryIfFailedBefore(wharf, uploaded, io.signal);
    const waitMs = deadline - performance.now();
    const options = { waitMs, pollSeconds, signal: io.signal };
    const { file, timedOut } = await waitForEnd(wharf, uploaded.fileId, options, watcher);
    return { ...outcome, uploaded: { ...uploaded, file }, timedOut };
  } catch (error) {
    return { ...outcome, waitError: ofThisFile(io, error) };
  } finally {
    watcher.ended();
  }
}

/** Asking again for a file whose indexing failed in an earlier run is the wish to try again. */
async function retryIfFailedBefore(wharf: Wharf, { file, alreadyThere }: Uploaded, signal: AbortSignal): Promise<void> {
  const taskId = textIn(objectIn(file, "task"), "id");
  if (!alreadyThere || textIn(file, "status") !== "failed" || taskId === null) return;
  await wharf.tasks.retry(taskId, { signal }).catch((error: unknown) => {
    // Somebody else was quicker.
    if (!ApiError.is(error, "conflict")) throw error;
  });
}

/** The error, when it is about this file alone; anything else ends the command. */
function ofThisFile({ signal }: Io, thrown: unknown): Error {
  const error = toCliError(thrown);
  const refusedKey = error instanceof CliError && error.exitCode === EXIT.keyRefused;
  if (signal.aborted || refusedKey) throw thrown;
  return toError(error);
}

function exitCodeOf(outcomes: readonly Outcome[]): ExitCode {
  const errors = outcomes.flatMap((outcome) => ("error" in outcome ? outcome.error : (outcome.waitError ?? [])));
  // No file got through: that is about the server, not about a file.
  const unreachable = (error: Error) => error instanceof CliError && error.exitCode === EXIT.unreachable;
  if (errors.length === outcomes.length && errors.every(unreachable)) return EXIT.unreachable;
  const failed = outcomes.some((outcome) => "uploaded" in outcome && outcome.uploaded.file["status"] === "failed");
  if (errors.length > 0 || failed) return EXIT.someFailed;
  return outcomes.some((outcome) => "uploaded" in outcome && outcome.timedOut) ? EXIT.timedOut : EXIT.ok;
}

function parseMetadata(text: string): JsonObject {
  try {
    const value = objectOf(JSON.parse(text, refuseInfinity));
    if (value !== null) return value;
  } catch (error) {
    if (error instanceof CliError) throw error;
    // Said below.
  }
  throw new CliError(EXIT.usage, "usage", `--metadata takes a JSON object, such as '{"case": "7 U 12/26"}'.`);
}

/** What 1e999 is read as. JSON has none: it would be sent, and stored, as null. */
function refuseInfinity(_key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
    throw new CliError(EXIT.usage, "usage", "--metadata holds a number that is too large: send it as a string.");
  return value;
}
