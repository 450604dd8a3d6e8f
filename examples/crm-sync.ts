/**
 * Keeps a bucket equal to the records of another system, here the export of a CRM: one JSON object a line,
 * `{"id": "A-17", "version": 3, "title": "…", "text": "…", "tags": ["…"]}`.
 *
 *     export WHARF_URL=http://127.0.0.1:8686 WHARF_API_KEY=sk_…
 *     node examples/crm-sync.ts records.jsonl crm
 *
 * Run it as often as you like, and end it whenever you like: what is on the server already is seen by the id and
 * version in each file's metadata, and the names of batches are made of ids and versions, so that a batch that was cut
 * goes on as the same batch. A record's new version is searchable before the old one goes. Records that are gone are
 * deleted. Exit code: 0 all is as it should be, 1 something failed (each with its reason), 2 used wrongly.
 *
 * Outside of this repository the import below is `from "@wharf/client"`.
 */
import { readFile } from "node:fs/promises";
import { IndexingError, type KnowledgeFile, Wharf } from "../sdk/src/node.ts";

interface CrmRecord {
  readonly id: string;
  /** Another one each time that anything of the record changes. */
  readonly version: number;
  readonly title: string;
  readonly text: string;
  readonly tags: readonly string[];
}

interface Report {
  readonly uploaded: string[];
  readonly unchanged: string[];
  readonly deleted: string[];
  readonly failed: { readonly id: string; readonly why: string }[];
}

/** The most of a batch. */
const BATCH = 100;
/** Waits and deletes at once. */
const AT_ONCE = 4;

async function sync(wharf: Wharf, bucket: string, records: readonly CrmRecord[]): Promise<Report> {
  const report: Report = { uploaded: [], unchanged: [], deleted: [], failed: [] };
  const known = await filesOfRecords(wharf, bucket);
  const isThere = ({ id, version }: CrmRecord) =>
    known.get(id)?.some((file) => file.metadata["crm_version"] === version);
  const missing = records.filter((record) => !isThere(record));

  const uploaded = new Map<string, string>();
  for (let from = 0; from < missing.length; from += BATCH)
    await uploadBatch(wharf, bucket, missing.slice(from, from + BATCH), { uploaded, report });

  const searchable = new Map<string, string>();
  await each(records, async (record) => {
    const there = known.get(record.id)?.find((file) => file.metadata["crm_version"] === record.version)?.id;
    const fileId = uploaded.get(record.id) ?? there;
    // It is in the report already.
    if (fileId === undefined) return;
    try {
      await wharf.files.waitUntilIndexed(fileId);
    } catch (error) {
      if (!(error instanceof IndexingError)) throw error;
      report.failed.push({ id: record.id, why: `${fileId} cannot be read: ${error.code}: ${error.message}` });
      return;
    }
    searchable.set(record.id, fileId);
    (uploaded.has(record.id) ? report.uploaded : report.unchanged).push(record.id);
  });

  // Looked at again: the server may have gone on with what a killed run had asked it to finalize.
  const wanted = new Set(records.map(({ id }) => id));
  await each([...(await filesOfRecords(wharf, bucket))], async ([id, files]) => {
    const keep = searchable.get(id);
    // Of one whose new version cannot be read the old one stays.
    if (wanted.has(id) && keep === undefined) return;
    for (const file of files) if (file.id !== keep) await wharf.files.delete(file.id);
    if (!wanted.has(id)) report.deleted.push(id);
  });
  return report;
}

/** What this program has put there, by record; other files of the bucket are nobody's business here. */
async function filesOfRecords(wharf: Wharf, bucket: string): Promise<ReadonlyMap<string, readonly KnowledgeFile[]>> {
  const found = new Map<string, KnowledgeFile[]>();
  for await (const file of wharf.files.list({ bucket, limit: 200 })) {
    const id = file.metadata["crm_id"];
    if (typeof id === "string") found.set(id, [...(found.get(id) ?? []), file]);
  }
  return found;
}

/**
 * A batch is one create for the rate limit. The library names it by what is in it, ids and versions too: a second run
 * finds the sessions of the first, and sends what is missing of their bytes.
 */
async function uploadBatch(
  wharf: Wharf,
  bucket: string,
  records: readonly CrmRecord[],
  { uploaded, report }: { readonly uploaded: Map<string, string>; readonly report: Report },
): Promise<void> {
  const files = records.map((record) => ({
    source: new Blob([record.text]),
    contentType: "text/plain",
    filename: `${record.id}.txt`,
    title: record.title,
    tags: record.tags,
    metadata: { crm_id: record.id, crm_version: record.version },
  }));
  const batch = await wharf.batches.upload(files, { bucket, createMissingBuckets: true });
  const recordOf = (place: string) => records[Number(place)]?.id ?? place;
  for (const { id, fileId } of batch.files) uploaded.set(recordOf(id), fileId);
  for (const { client_file_id, error } of batch.rejected)
    report.failed.push({ id: recordOf(client_file_id), why: `${error.code}: ${error.message}` });
}

/** A few at a time. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of left) await run(item);
    }),
  );
}

async function readRecords(path: string): Promise<readonly CrmRecord[]> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, place) => {
    const record: Partial<CrmRecord> = JSON.parse(line);
    const { id, version, title = "", text, tags = [] } = record;
    if (typeof id !== "string" || typeof version !== "number" || typeof text !== "string")
      throw new Error(`line ${place + 1} of ${path} is no record: it needs id, version and text`);
    return { id, version, title, text, tags };
  });
}

async function main([path, bucket]: readonly string[]): Promise<number> {
  const { WHARF_URL: baseUrl = "http://127.0.0.1:8686", WHARF_API_KEY: apiKey } = process.env;
  if (path === undefined || bucket === undefined || apiKey === undefined) {
    console.error("usage: WHARF_API_KEY=sk_… node crm-sync.ts <records.jsonl> <bucket>");
    return 2;
  }
  const records = await readRecords(path);
  // An export that failed is empty more often than a CRM is.
  if (records.length === 0)
    throw new Error(`${path} has no record: nothing was changed. Delete the bucket if you mean it.`);
  const report = await sync(new Wharf({ baseUrl, apiKey }), bucket, records);
  for (const { id, why } of report.failed) console.log(`failed\t${id}\t${why}`);
  const { uploaded, unchanged, deleted, failed } = report;
  console.log(
    `${uploaded.length} uploaded, ${unchanged.length} unchanged, ${deleted.length} deleted, ${failed.length} failed`,
  );
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main)
  process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
