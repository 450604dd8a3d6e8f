import type { Command } from "commander";
import { bucketFields } from "../sdk/src/files/description.ts";
import { addClientFlags, type ClientFlags, collect, wholeNumber, withWharf } from "./client/command.ts";
import { type JsonObject, listIn, numberIn, objectIn, objectsIn, textIn, textsIn } from "./client/json.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { type Io, printable, printJson, styled } from "./io.ts";

const HELP = `
A passage matches when it holds any of the words; the best come first. Each result names the file, the page and the range of characters
that was found, as GET /v1/knowledge/files/{id}/text counts them.

Examples:
  $ wharf search "parental leave"                          in all of the team's buckets
  $ wharf search "notice period" --bucket legal --tag signed --limit 3
  $ wharf search "notice period" --json | jq -r '.results[0].text'`;

interface Flags extends ClientFlags {
  readonly bucket?: readonly string[];
  readonly tag?: readonly string[];
  readonly file?: readonly string[];
  readonly limit?: number;
}

/** `wharf search <query>`. With `--json` the document is the API's own answer. */
export function defineSearch(command: Command, io: Io): void {
  command
    .argument("<query>", "words to look for")
    .allowExcessArguments()
    .option("--bucket <bucket>", "only in this bucket, slug or id; may be repeated", collect)
    .option("--tag <tag>", "only in files with this tag; may be repeated, and then all must match", collect)
    .option("--file <id>", "only in this file; may be repeated", collect)
    .option("--limit <number>", "at most so many results (default: 10)", wholeNumber("--limit", 1, 100))
    .addHelpText("after", HELP);
  addClientFlags(command, SEARCH_RETRY_SECONDS);
  command.action(async (query: string, flags: Flags) => {
    if (command.args.length > 1) throw unquoted(command.args);
    const { signal } = io;
    const json = await withWharf(flags, io, (wharf) => wharf.search(requestOf(query, flags), { signal }));
    if (flags.json) printJson(io, json);
    else io.stdout.write(readable(io, json));
  });
}

/** Not joined in silence: the shell has taken quotes away, and `wharf search "a phrase" x` would mean another thing. */
function unquoted(words: readonly string[]): CliError {
  const query = words.join(" ").replaceAll("'", "'\\''");
  return new CliError(EXIT.usage, "usage", `Put the query in quotes: wharf search '${printable(query)}'.`);
}

/** Somebody waits at the prompt: long enough for a restart's first second, no longer. */
const SEARCH_RETRY_SECONDS = 2;

function requestOf(query: string, { bucket, tag, file, limit }: Flags) {
  return {
    query,
    ...bucketFields(bucket),
    ...(tag !== undefined || file !== undefined ? { filters: { tags: tag, file_ids: file } } : {}),
    ...(limit === undefined ? {} : { limit }),
  };
}

function readable(io: Io, json: JsonObject): string {
  const results = objectsIn(json, "results");
  const searched = objectIn(json, "searched");
  const where = `${numberIn(searched, "files") ?? 0} files in ${numberIn(searched, "buckets") ?? 0} buckets`;
  if (results.length === 0) return `Nothing found in ${where}.\n`;
  const ignored = textsIn(searched, "terms_ignored").map(printable);
  const note = ignored.length === 0 ? "" : `Too frequent to find passages by themselves: ${ignored.join(", ")}.\n`;
  return `${results.map((result) => passage(io, result)).join("\n")}\n${note}`;
}

function passage(io: Io, result: JsonObject): string {
  const title = printable(textIn(result, "title") ?? textIn(result, "filename") ?? "");
  const slugs = objectsIn(result, "buckets").map((bucket) => textIn(bucket, "slug") ?? "");
  const where = `${textIn(result, "file_id")}  ${slugs.join(", ")}`;
  const heading = `${styled(io.stdout, "bold", title)}, page ${numberIn(result, "page")}`;
  const text = snippet(textIn(result, "text") ?? "", rangesOf(result), (words) => styled(io.stdout, "yellow", words));
  return `${heading}  ${styled(io.stdout, "dim", where)}\n  ${text}\n`;
}

type Range = readonly [start: number, end: number];

function rangesOf(result: JsonObject): readonly Range[] {
  return listIn(result, "highlights").flatMap((pair) => {
    const [start, end]: unknown[] = Array.isArray(pair) ? pair : [];
    return typeof start === "number" && typeof end === "number" ? [[start, end] as const] : [];
  });
}

const SNIPPET_CHARS = 280;
const BEFORE_FIRST = 60;

/** The part of the text round its first highlight, on one line, the found words marked. Pure. */
export function snippet(text: string, highlights: readonly Range[], mark: (words: string) => string): string {
  const first = highlights[0]?.[0] ?? 0;
  const start = first <= BEFORE_FIRST ? 0 : wordStart(text, first - BEFORE_FIRST);
  const cut = start + SNIPPET_CHARS;
  const end = cut >= text.length ? text.length : Math.max(wordStart(text, cut), start + 1);
  let shown = "";
  let position = start;
  for (const [from, to] of highlights) {
    if (from < position || to > end) continue;
    shown += printable(text.slice(position, from)) + mark(printable(text.slice(from, to)));
    position = to;
  }
  shown += printable(text.slice(position, end));
  const oneLine = shown.replace(/ {2,}/g, " ").trim();
  return `${start > 0 ? "… " : ""}${oneLine}${end < text.length ? " …" : ""}`;
}

/** The beginning of the word at or before `index`, or `index` itself in text without spaces. */
function wordStart(text: string, index: number): number {
  const space = text.slice(Math.max(0, index - 40), index).search(/\s\S*$/);
  return space === -1 ? index : Math.max(0, index - 40) + space + 1;
}
