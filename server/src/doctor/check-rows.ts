import { forgetQuotes } from "../agents/forget-quotes.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { FileChanges } from "../files/change-file.ts";
import { filesWithOldLabels } from "../files/old-labels.ts";
import type { BatchId, FileId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { type Finding, finding, some } from "./finding.ts";
import { lostBatchItems, lostQuotes, type Page, type QuoteRef, rejectLostItem } from "./rows.store.ts";

export interface RowsDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly log: Log;
}

interface RowsOptions {
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/** Items of batches that name an upload which is not there: nobody could say what became of them. */
export async function checkBatches({ catalogue }: RowsDeps, { repair, signal }: RowsOptions): Promise<Finding> {
  const lost = await everyPage(signal, (after: BatchId | null) => catalogue.run(lostBatchItems, { after }));
  if (lost.length === 0) return finding("batches", "ok", "Every item of a batch has its upload, or says why not.");
  const what = `${lost.length} items of ${some([...new Set(lost.map(({ batchId }) => batchId))])} name uploads that are gone`;
  if (!repair) return finding("batches", "problem", `${what}: stop the server and run wharf doctor --repair.`);
  for (const item of lost) await catalogue.run(rejectLostItem, { ...item, error: LOST });
  return finding("batches", "repaired", `${what}, and say so now: their clients may send the batch again.`);
}

const LOST = JSON.stringify({
  code: "session_not_found",
  message: "The upload of this item was lost on the server. Send the batch again under its key, then the bytes.",
  retryable: false,
  details: {},
});

/**
 * Marks of changes of which the index may not have heard (files/change-file.ts). A server clears them within
 * seconds.
 */
export async function checkLabels(deps: RowsDeps, { repair, signal }: RowsOptions): Promise<Finding> {
  const dirty = await filesWithOldLabels(deps.catalogue);
  if (dirty.length === 0)
    return finding("labels", "ok", "The index has heard of every change of title, tags and buckets.");
  const what = `The index may have old titles, tags or buckets of ${some(dirty)}`;
  if (!repair) return finding("labels", "note", `${what}: the server tells it by itself.`);
  const changes = new FileChanges(deps);
  const untold: FileId[] = [];
  for (const file of dirty) {
    signal.throwIfAborted();
    if (!(await isTold(changes, file))) untold.push(file);
  }
  if (untold.length === 0) return finding("labels", "repaired", `${what}, and is told of those of now.`);
  return finding(
    "labels",
    "problem",
    `The index has old titles, tags or buckets of ${some(untold)}, and cannot be told: stop the server and run wharf reindex.`,
  );
}

/** False: the team's index does not take it. What else is to be looked at does not wait for that. */
async function isTold(changes: FileChanges, file: FileId): Promise<boolean> {
  try {
    await changes.relabel(file);
    return true;
  } catch (error) {
    if (error instanceof WharfError && error.cause instanceof SearchIndexError) return false;
    throw error;
  }
}

/** Kept answers with words of files that are deleted: those have a minute to go (AGT-6). */
export async function checkAnswers({ catalogue }: RowsDeps, { repair, signal }: RowsOptions): Promise<Finding> {
  const files = await everyPage(signal, (after: QuoteRef | null) =>
    catalogue.run(lostQuotes, { after, lateMs: LATE_MS }),
  );
  const lost = [...new Set(files)];
  if (lost.length === 0) return finding("answers", "ok", "No kept answer quotes a file that was deleted.");
  const what = `Kept answers quote ${some(lost)}, which are deleted`;
  if (!repair) return finding("answers", "problem", `${what}: stop the server and run wharf doctor --repair.`);
  for (const file of lost) await forgetQuotes(catalogue, file);
  return finding("answers", "repaired", `${what}; their words are taken out.`);
}

/** A busy server, or one that was stopped for a while, may be late. */
const LATE_MS = 10 * LIMITS.removeWithinMs;

async function everyPage<Found, Id>(
  signal: AbortSignal,
  read: (after: Id | null) => Promise<Page<Found, Id>>,
): Promise<readonly Found[]> {
  const all: Found[] = [];
  for (let after: Id | null = null, more = true; more; ) {
    signal.throwIfAborted();
    const { found, last }: Page<Found, Id> = await read(after);
    all.push(...found);
    after = last;
    more = last !== null;
  }
  return all;
}
