import type { Command } from "commander";
import { toError } from "../../server/src/errors.ts";
import { type Api, ApiError } from "../client/api.ts";
import { addClientFlags, type ClientFlags, collect, wholeNumber, withApi } from "../client/command.ts";
import { type JsonObject, objectOf } from "../client/json.ts";
import { CliError, EXIT, type ExitCode } from "../exit-codes.ts";
import { type Io, printJson } from "../io.ts";
import type { Description } from "./content.ts";
import { type Found, type FoundFile, findFiles, STDIN } from "./find-files.ts";
import { listEnded } from "./list-ended.ts";
import { createProgressView, silentView } from "./progress-view.ts";
import { type Outcome, outcomeToJson, report, type UploadedOutcome } from "./report.ts";
import { withSpooledStdin } from "./spooled-stdin.ts";
import { retryIfFailedBefore, uploadFile } from "./upload-file.ts";
import { stageOf, waitUntilIndexed } from "./wait.ts";
import type { ProgressView } from "./watcher.ts";

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
  readonly metadata?: object;
  readonly contentType?: string;
  readonly wait?: true;
  readonly timeout: number;
}

/**
 * Files sent at once: hides the waits of one behind the bytes of another, and the server syncs to its disk once for all
 * that came meanwhile.
 */
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
  const outcomes = await withApi(flags, io, (api) => uploadAll(api, io, named, flags));
  const exitCode = exitCodeOf(outcomes);
  if (flags.json) printJson(io, { ok: exitCode === EXIT.ok, files: outcomes.map(outcomeToJson) });
  else report(io, outcomes, flags.bucket);
  return exitCode;
}

/**
 * All bytes first, then all waits: a long document must not hold up the upload of the next. In the order of `found`. Rejects only when no
 * file can go any further: a refused key, or a signal.
 */
async function uploadAll(api: Api, io: Io, found: readonly Found[], flags: Flags): Promise<readonly Outcome[]> {
  // One cheap call first: a wrong key or address is said once, before anything is read.
  await api.get("/connection");
  const view = flags.json ? silentView : createProgressView(io);
  try {
    const stored = await inLanes(found, async (file) => ("error" in file ? file : uploadOne(api, view, file, flags)));
    if (!flags.wait) return stored;
    const deadline = api.options.timing.now() + flags.timeout * 1000;
    // On a terminal the bar shows how far indexing is; elsewhere one held request is enough.
    const pollSeconds = io.stderr.isTerminal && !flags.json ? 1 : 30;
    const ended = await endedAlready(api, stored, flags);
    return await inLanes(stored, async (outcome) => {
      if ("error" in outcome) return outcome;
      const file = ended.get(outcome.uploaded.fileId);
      if (file === undefined) return waitForOne(api, view, outcome, deadline, pollSeconds);
      return tellEnded(view, outcome, file);
    });
  } finally {
    view.close();
  }
}

/** Of the files that this run has uploaded, when they are many. Those that were there before may have to be retried. */
async function endedAlready(api: Api, stored: readonly Outcome[], { bucket: [first = ""] }: Flags) {
  const fresh = stored.flatMap((outcome) =>
    "uploaded" in outcome && !outcome.uploaded.alreadyThere ? outcome.uploaded.fileId : [],
  );
  return fresh.length <= AT_ONCE ? new Map<string, JsonObject>() : listEnded(api, first, new Set(fresh));
}

/** Results in the order of the items; the first rejection is the whole's. */
async function inLanes<I, O>(items: readonly I[], work: (item: I) => Promise<O>): Promise<readonly O[]> {
  const results: O[] = [];
  const left = items.entries();
  const lane = async () => {
    for (const [index, item] of left) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, lane));
  return results;
}

async function uploadOne(api: Api, view: ProgressView, found: FoundFile, flags: Flags): Promise<Outcome> {
  const watcher = view.watchBytes(found.filename);
  try {
    const uploaded = await uploadFile(api, found, describe(found.filename, flags), watcher);
    return { ...found, uploaded, timedOut: false, waitError: null };
  } catch (error) {
    return { path: found.path, filename: found.filename, error: ofThisFile(api, error) };
  } finally {
    watcher.ended();
  }
}

function tellEnded(view: ProgressView, outcome: UploadedOutcome, file: JsonObject): Outcome {
  const watcher = view.watchIndexing(outcome.filename, outcome.uploaded.content.sizeBytes);
  watcher.stage(stageOf(file));
  watcher.ended();
  return { ...outcome, uploaded: { ...outcome.uploaded, file } };
}

async function waitForOne(
  api: Api,
  view: ProgressView,
  outcome: UploadedOutcome,
  deadline: number,
  pollSeconds: number,
): Promise<Outcome> {
  const { uploaded } = outcome;
  const watcher = view.watchIndexing(outcome.filename, uploaded.content.sizeBytes);
  try {
    await retryIfFailedBefore(api, uploaded);
    const waitMs = deadline - api.options.timing.now();
    const { file, timedOut } = await waitUntilIndexed(api, uploaded.fileId, waitMs, pollSeconds, watcher);
    return { ...outcome, uploaded: { ...uploaded, file }, timedOut };
  } catch (error) {
    return { ...outcome, waitError: ofThisFile(api, error) };
  } finally {
    watcher.ended();
  }
}

/** The error, when it is about this file alone; anything else ends the command. */
function ofThisFile(api: Api, error: unknown): Error {
  const refusedKey = error instanceof ApiError && error.exitCode === EXIT.keyRefused;
  if (api.options.signal.aborted || refusedKey) throw error;
  return toError(error);
}

function describe(filename: string, flags: Flags): Description {
  const ids = flags.bucket.filter((bucket) => bucket.startsWith("bucket_"));
  const slugs = flags.bucket.filter((bucket) => !bucket.startsWith("bucket_"));
  return {
    filename,
    content_type: flags.contentType,
    title: flags.title,
    tags: flags.tag,
    metadata: flags.metadata,
    bucket_ids: ids.length === 0 ? undefined : ids,
    bucket_slugs: slugs.length === 0 ? undefined : slugs,
    create_missing_buckets: flags.createMissingBuckets,
  };
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

function parseMetadata(text: string): object {
  try {
    const value = objectOf(JSON.parse(text));
    if (value !== null) return value;
  } catch {
    // Said below.
  }
  throw new CliError(EXIT.usage, "usage", `--metadata takes a JSON object, such as '{"case": "7 U 12/26"}'.`);
}
