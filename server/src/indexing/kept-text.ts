import type { BlobKey, BlobStore } from "../blobs/blob-store.ts";
import type { ExtractedPage } from "../extraction/extractor.ts";

/** The kept text is not what was written (text-lines.ts). */
export class KeptTextDamagedError extends Error {
  override readonly name = "KeptTextDamagedError";
}

/**
 * The pages of a kept text, one a line of JSON. Throws KeptTextDamagedError, or BlobStoreError (`missing` …). Lines end
 * at LF alone: Node's line reader also ends them at U+2028, which documents hold.
 */
export async function* readKeptText(blobs: BlobStore, key: BlobKey): AsyncGenerator<ExtractedPage> {
  let line: Uint8Array[] = [];
  let page = 0;
  for await (const chunk of blobs.read(key)) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      line.push(chunk.subarray(from, at));
      page += 1;
      yield pageOf(Buffer.concat(line).toString("utf8"), page);
      line = [];
      from = at + 1;
    }
    if (from < chunk.length) line.push(chunk.subarray(from));
  }
  if (line.length > 0 || page === 0) throw new KeptTextDamagedError(`it breaks off in page ${page + 1}`);
}

const LINE_FEED = 0x0a;

function pageOf(line: string, page: number): ExtractedPage {
  const found = parsed(line);
  if (typeof found !== "object" || found === null || !("page" in found) || !("text" in found) || !("label" in found))
    throw new KeptTextDamagedError(`page ${page} is no page`);
  const { text, label } = found;
  if (found.page !== page || typeof text !== "string" || (typeof label !== "string" && label !== null))
    throw new KeptTextDamagedError(`page ${page} is another`);
  return { page, label, text };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new KeptTextDamagedError("a line is no JSON", { cause });
  }
}
