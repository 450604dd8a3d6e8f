import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Api, FILES } from "../support/api.ts";
import { at, listAt, numberAt, textAt } from "../support/json.ts";
import { TestServer } from "../support/server.ts";
import { CONFIG } from "../support/target.ts";
import { isExpected, type ManifestPhrase, type ManifestRow, parseManifest, readable } from "./document-manifest.ts";

/**
 * `node server/test/acceptance/check-documents.ts <folder> [--only-types pdf,docx,text/plain]`: uploads every file that
 * the folder's MANIFEST.tsv lists, waits, and checks its outcome; that each key phrase comes back from search, on its
 * page when the file is a PDF, with a range that cuts exactly the returned text out of GET …/text; and that the same
 * query in another bucket finds nothing. It starts a server of its own, or takes WHARF_TEST_URL and WHARF_TEST_API_KEY.
 * Exit code 1 when anything differs.
 */
export interface DocumentReport {
  readonly file: string;
  readonly expected: string;
  /** `indexed`, or the code of the file's error. */
  readonly outcome: string;
  readonly seconds: number;
  /** Place of each phrase in its results, from 1. */
  readonly ranks: readonly number[];
  readonly faults: readonly string[];
}

/** `onlyTypes` are extensions or content types; empty = all. */
export async function checkDocuments(
  api: Api,
  folder: string,
  onlyTypes: readonly string[],
  report: (each: DocumentReport) => void,
): Promise<boolean> {
  const rows = parseManifest(await readFile(join(folder, "MANIFEST.tsv"), "utf8"));
  const wanted = rows.filter((row) => isWanted(row, onlyTypes));
  if (wanted.length === 0) throw new Error("no file of the manifest has one of these types");
  const elsewhere = `${api.bucket}-elsewhere`;
  await api.indexed("a bucket with another document", { bucket: elsewhere });
  let good = true;
  for (const row of wanted) {
    const each = await checkDocument(api, folder, row, elsewhere);
    report(each);
    good &&= each.faults.length === 0;
  }
  return good;
}

function isWanted({ file, contentType }: ManifestRow, onlyTypes: readonly string[]): boolean {
  const extension = file.slice(file.lastIndexOf(".") + 1).toLowerCase();
  return onlyTypes.length === 0 || onlyTypes.some((type) => type === extension || type === contentType);
}

async function checkDocument(api: Api, folder: string, row: ManifestRow, elsewhere: string): Promise<DocumentReport> {
  const began = performance.now();
  const bytes = await readFile(join(folder, row.file));
  const fileId = await api.upload(bytes, { filename: row.file, content_type: row.contentType });
  const file = await api.settled(fileId, 300_000);
  const seconds = (performance.now() - began) / 1000;
  const outcome = textAt(file, "status") === "indexed" ? "indexed" : textAt(file, "error", "code");
  const faults: string[] = [];
  const ranks: number[] = [];
  if (!isExpected(row.expected, outcome)) faults.push(`ended ${outcome}: ${String(at(file, "error", "message"))}`);
  for (const phrase of outcome === "indexed" ? row.phrases : []) {
    const found = await checkPhrase(api, fileId, phrase, row.contentType === "application/pdf", elsewhere);
    faults.push(...found.faults);
    ranks.push(found.rank);
  }
  return { file: row.file, expected: row.expected, outcome, seconds, ranks, faults };
}

async function checkPhrase(
  api: Api,
  fileId: string,
  phrase: ManifestPhrase,
  isPdf: boolean,
  elsewhere: string,
): Promise<{ readonly rank: number; readonly faults: readonly string[] }> {
  const query = phrase.text;
  const named = `"${query.slice(0, 40)}"`;
  const all = listAt((await api.search({ query, bucket: api.bucket, limit: 50 })).json, "results");
  // Passages with the same text are one result: where another file's stands for this one's, this file alone is asked.
  const isNamed = all.some((result) => listAt(result, "duplicates").some((other) => at(other, "file_id") === fileId));
  const alone = { query, bucket: api.bucket, limit: 50, filters: { file_ids: [fileId] } };
  const results = isNamed ? listAt((await api.search(alone)).json, "results") : all;
  const holds = (result: unknown) =>
    at(result, "file_id") === fileId && readable(textAt(result, "text")).includes(readable(query));
  // A phrase may stand on several pages: the one on the manifest's page counts.
  const onPage = results.findIndex((result) => holds(result) && (!isPdf || at(result, "page") === phrase.unit));
  const index = onPage >= 0 ? onPage : results.findIndex(holds);
  const hit = results[index];
  if (hit === undefined) return { rank: 0, faults: [`${named} is in no result`] };

  const faults: string[] = [];
  const page = numberAt(hit, "page");
  if (isPdf && page !== phrase.unit) faults.push(`${named} came back on page ${page}, not ${phrase.unit}`);
  const pageText = textAt((await api.get(`${FILES}/${fileId}/text?page=${page}`)).json, "pages", 0, "text");
  if (pageText.slice(numberAt(hit, "char_start"), numberAt(hit, "char_end")) !== textAt(hit, "text"))
    faults.push(`${named}: the range does not cut the returned text out of page ${page}`);
  const other = await api.search({ query, bucket: elsewhere, filters: { file_ids: [fileId] } });
  const strangers = listAt((await api.search({ query, bucket: elsewhere })).json, "results");
  if (listAt(other.json, "results").length > 0 || strangers.some((result) => at(result, "file_id") === fileId))
    faults.push(`${named} is found in another bucket`);
  return { rank: index + 1, faults };
}

function line({ file, expected, outcome, seconds, ranks, faults }: DocumentReport): string {
  const verdict = faults.length === 0 ? "ok  " : "BAD ";
  const columns = [file.padEnd(32), expected.padEnd(26), outcome.padEnd(22), `${seconds.toFixed(1).padStart(6)} s`];
  return [`${verdict} ${columns.join(" ")}  ${ranks.join(",")}`, ...faults.map((fault) => `       ${fault}`)].join(
    "\n",
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "only-types": { type: "string" } },
  });
  const [folder] = positionals;
  if (folder === undefined) {
    process.stderr.write("usage: node server/test/acceptance/check-documents.ts <folder> [--only-types pdf,docx,…]\n");
    return 2;
  }
  const server = CONFIG.url === null ? await TestServer.start() : null;
  try {
    const api = new Api(server?.url ?? CONFIG.url ?? "", server?.key ?? CONFIG.apiKey ?? "");
    const types = values["only-types"]?.split(",").map((type) => type.trim()) ?? [];
    process.stdout.write(
      `     ${"file".padEnd(32)} ${"expected".padEnd(26)} ${"outcome".padEnd(22)}     time  ranks\n`,
    );
    const good = await checkDocuments(api, folder, types, (each) => process.stdout.write(`${line(each)}\n`));
    return good ? 0 : 1;
  } finally {
    await server?.close();
  }
}

if (import.meta.main) process.exitCode = await main();
