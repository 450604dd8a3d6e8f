import type { Command } from "commander";
import type { KnowledgeFile, Operations } from "../sdk/src/generated/types.ts";
import type { Wharf } from "../sdk/src/node.ts";
import { addClientFlags, type ClientFlags, collect, wholeNumber, withWharf } from "./client/command.ts";
import { type JsonObject, objectIn, textIn } from "./client/json.ts";
import { CliError, EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, printable, printJson } from "./io.ts";
import { table } from "./table.ts";
import { stageOf, waitForEnd, warningsOf } from "./upload/wait.ts";

const RETRY_SECONDS = 10;

const STATUS_HELP = `
Examples:
  $ wharf status file_01k…
  $ wharf status file_01k… file_01m… --wait --timeout 60

Exit code: 0 when all are indexed or under way, 3 when one failed, 4 when --wait ran out of time.`;

interface StatusFlags extends ClientFlags {
  readonly wait?: true;
  readonly timeout: number;
}

/** `wharf status <file_id…>`: where each file is on its way, and why it is not done. */
export function defineStatus(command: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  command
    .argument("<file_id...>", "as upload printed it: file_…")
    .option("--wait", "wait until they are indexed or failed")
    .option("--timeout <seconds>", "how long --wait waits (default: 600)", wholeNumber("--timeout", 0, 86_400), 600)
    .addHelpText("after", STATUS_HELP);
  addClientFlags(command, RETRY_SECONDS);
  command.action(async (ids: readonly string[], flags: StatusFlags) => {
    const known = ids.map(checked);
    const results = await withWharf(flags, io, async (wharf) => {
      const waitMs = flags.wait ? flags.timeout * 1000 : null;
      const list: Result[] = [];
      for (const id of known) list.push(await statusOf(wharf, io.signal, id, waitMs));
      return list;
    });
    if (flags.json) printJson(io, { files: results.map(({ file }) => file) });
    else io.stdout.write(statusTable(results.map(({ file }) => file)));
    const failed = results.some(({ file }) => textIn(file, "status") === "failed");
    if (failed) end(EXIT.someFailed);
    else if (results.some(({ timedOut }) => timedOut)) end(EXIT.timedOut);
  });
}

interface Result {
  readonly file: JsonObject;
  readonly timedOut: boolean;
}

async function statusOf(wharf: Wharf, signal: AbortSignal, id: string, waitMs: number | null): Promise<Result> {
  if (waitMs !== null) return waitForEnd(wharf, id, { waitMs, pollSeconds: 30, signal }, { stage() {} });
  return { file: await wharf.files.get(id, { signal }), timedOut: false };
}

function statusTable(files: readonly JsonObject[]): string {
  return table(
    ["ID", "STATUS", "FILE", ""],
    files.map((file) => {
      const error = objectIn(file, "error") ?? objectIn(objectIn(file, "task"), "error");
      return [
        textIn(file, "id") ?? "",
        stageOf(file),
        printable(textIn(file, "filename") ?? ""),
        printable(textIn(error, "message") ?? warningsOf(file)),
      ];
    }),
  );
}

const FILES_HELP = `
Examples:
  $ wharf files list --bucket legal --status failed
  $ wharf files delete file_01k…`;

interface ListFlags extends ClientFlags {
  readonly bucket?: string;
  readonly tag?: readonly string[];
  readonly status?: KnowledgeFile["status"];
  readonly limit: number;
}

/** `wharf files list | delete`. */
export function defineFiles(files: Command, io: Io): void {
  files.addHelpText("after", FILES_HELP);
  const list = files
    .command("list")
    .description("list the newest files")
    .option("--bucket <bucket>", "only in this bucket, slug or id")
    .option("--tag <tag>", "only with this tag; may be repeated, and then all must match", collect)
    .option("--status <status>", `only ${STATUSES.join(", ")} ones`, parseStatus)
    .option("--limit <number>", "at most so many (default: 50)", wholeNumber("--limit", 1, 200), 50)
    .addHelpText("after", FILES_HELP);
  addClientFlags(list, RETRY_SECONDS);
  list.action(async (flags: ListFlags) => {
    const json = await withWharf(flags, io, (wharf) => listed(wharf, io.signal, flags));
    if (flags.json) return printJson(io, json);
    io.stdout.write(json.files.length === 0 ? "There are no such files.\n" : statusTable(json.files));
    if (json.next_cursor !== null)
      io.stdout.write(`There are more than ${flags.limit}; narrow the list or raise --limit.\n`);
  });

  const remove = files
    .command("delete")
    .argument("<file_id...>", "as list shows it: file_…")
    .description("delete files: search no longer finds them at once, their bytes are gone within a minute")
    .addHelpText("after", FILES_HELP);
  addClientFlags(remove, RETRY_SECONDS);
  remove.action(async (ids: readonly string[], flags: ClientFlags) => {
    // All of them first: a wrong word on the line must not come to light behind files that are gone.
    const known = ids.map(checked);
    const deleted: KnowledgeFile[] = [];
    await withWharf(flags, io, async (wharf) => {
      for (const id of known) {
        const file = await wharf.files.delete(id, { signal: io.signal });
        deleted.push(file);
        // At once: the next may fail, and this one is gone.
        if (!flags.json) io.stdout.write(`${file.id} is deleted (${file.size_bytes} bytes).\n`);
      }
    });
    if (flags.json) printJson(io, { files: deleted });
  });
}

/**
 * As many as were asked for, or all: a page before the end is short when a filter matches rarely, and the next one
 * goes on.
 */
async function listed(wharf: Wharf, signal: AbortSignal, { bucket, tag, status, limit }: ListFlags) {
  const files: KnowledgeFile[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { bucket, tag, status, limit: limit - files.length, cursor };
    const page: Page = await wharf.calls.json("listFiles", { query }, { signal });
    files.push(...page.files);
    if (page.next_cursor === null || files.length >= limit) return { ...page, files };
    cursor = page.next_cursor;
  }
}

type Page = Operations["listFiles"]["answer"];

const STATUSES = ["queued", "indexing", "indexed", "failed", "deleted"] as const;

function parseStatus(text: string): KnowledgeFile["status"] {
  const status = STATUSES.find((one) => one === text);
  if (status !== undefined) return status;
  throw new CliError(EXIT.usage, "usage", `--status takes ${STATUSES.join(", ")}, not "${text}".`);
}

/** Ids go into a path: what is none is not sent. */
function checked(id: string): string {
  if (/^file_[A-Za-z0-9_]{1,64}$/.test(id)) return id;
  throw new CliError(EXIT.usage, "usage", `A file's id begins file_, unlike "${id}"; wharf files list shows them.`);
}
