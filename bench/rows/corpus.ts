import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "../load/job.ts";
import { load } from "../processes/load.ts";
import type { Wharf } from "../processes/wharf.ts";
import { English } from "../text/english.ts";

/** A chunk covers about this many new characters: its target less its overlap. */
const CHARS_PER_CHUNK = 1000;
const FILES = 50;

/**
 * Fifty files of English, written into `folder`, uploaded, and searchable when this resolves. The first is in the
 * bucket "small".
 */
export async function indexCorpus(
  { url, key }: Wharf,
  folder: string,
  chunks: number,
): Promise<{ readonly seconds: number; readonly ids: readonly string[] }> {
  const files: Document[] = [];
  for (let at = 0; at < FILES; at++) {
    const path = join(folder, `${at}.txt`);
    writeFileSync(path, new English(1000 + at).text((chunks / FILES) * CHARS_PER_CHUNK));
    const bucket = at === 0 ? "small" : "large";
    files.push({ path, filename: `${at}.txt`, title: `Document ${at}`, contentType: "text/plain", bucket });
  }
  const { seconds, names } = await load({ url, key, callers: 4, count: FILES, unit: { kind: "index", files } });
  const failed = names.find((name) => !name.endsWith(" indexed"));
  if (failed !== undefined) throw new Error(`not indexed: ${failed}`);
  return { seconds, ids: names.map((name) => name.split(" ", 1).join()) };
}
