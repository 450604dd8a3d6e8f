import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey, textKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { FILE_ERRORS, type FileWarning, isRefusal } from "../errors.ts";
import { type ExtractedPage, type ExtractionEvent, ExtractionFault, type Extractor } from "../extraction/extractor.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { titleTokenText } from "../search-index/analyze.ts";
import { buildName } from "../search-index/build.ts";
import type { IndexedChunk, SearchIndex } from "../search-index/search-index.ts";
import type { Claim } from "../tasks/claim.store.ts";
import type { TaskContext, TaskHandler, TaskOutcome } from "../tasks/handler.ts";
import { ChunkSpool } from "./chunk-spool.ts";
import { outcomeOf } from "./outcome.ts";
import { pruneFile } from "./prune-builds.ts";
import { type Activated, type Activation, activate, findSource, type Source } from "./store.ts";
import { textLines } from "./text-lines.ts";
import { undamaged } from "./undamaged.ts";

export interface IndexingDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly index: SearchIndex;
  readonly extractor: Extractor;
  readonly log: Log;
  /** Folder for what a large document puts aside while it is read; what is in it has no name (chunk-spool.ts). */
  readonly spoolFolder: string;
}

/**
 * The `index` task: original → text and chunks → visible. The order is the promise: the document is read to its end,
 * then its text is published and its chunks are in the index, both under a build of this attempt's own that nobody
 * sees, and then one fenced transaction shows it all. Text and index are synced beside each other: neither waits for
 * the other's disk.
 *
 * Safe to run again from the start, and beside an attempt that stalled: nothing is shared until that transaction.
 */
export function createIndexFile(deps: IndexingDeps): TaskHandler {
  return async (claim, context) => {
    const build = buildName(claim.taskId, claim.attempt);
    const spool = new ChunkSpool({ folder: deps.spoolFolder, name: build });
    let published = false;
    try {
      const source = await deps.catalogue.run(findSource, { fileId: claim.fileId });
      if (source === null) return GONE;
      const job = { claim, context, build, source, spool };
      const { read, indexed } = await publishText(deps, job);
      published = true;
      if (spool.count === 0)
        throw new ExtractionFault("empty_text", FILE_ERRORS.empty_text, { permanent: true, death: false });
      await indexed;
      context.signal.throwIfAborted();
      context.report({ stage: "activating", progress: null });
      // From here on the text may be the one that is shown, whatever the answer says.
      published = false;
      const activated = await activateBuild(deps, job, read);
      if (activated === null) return GONE;
      if (activated.activated) await removeOlder(deps, claim, activated);
      return { kind: "ended" };
    } catch (error) {
      if (published) await deps.blobs.remove(textKey(claim.fileId, build)).catch(() => {});
      return outcomeOf(error);
    } finally {
      await spool.close();
    }
  };
}

/**
 * Null: the file was deleted. A PATCH that comes in between makes the chunks' labels old: they get the new ones, and it
 * is tried again.
 */
async function activateBuild(deps: IndexingDeps, job: Job, read: ReadText): Promise<Activated | null> {
  const { catalogue, index } = deps;
  const { claim, build } = job;
  for (let source: Source | null = job.source; source !== null; ) {
    const activated = await catalogue.run(activate, activationOf(job, read, source.labels));
    if (!isRefusal(activated)) return activated;
    job.context.signal.throwIfAborted();
    source = await catalogue.run(findSource, { fileId: claim.fileId });
    if (source === null) break;
    const { filename, title, buckets, tags } = source;
    const titleTokens = titleTokenText(filename, title);
    await index.label(claim.teamId, { file: claim.fileId, build, buckets, tags, titleTokens });
  }
  return null;
}

function activationOf({ claim, build, spool }: Job, read: ReadText, labels: number): Activation {
  const { taskId, fileId, attempt, version } = claim;
  const { pages, detectedType, warnings } = read;
  return {
    taskId,
    fileId,
    attempt,
    version,
    build,
    chunks: spool.count,
    pages,
    textKey: textKey(fileId, build),
    detectedType,
    warnings: JSON.stringify(warnings),
    labels,
  };
}

/** A delete cancels the file's task, so this attempt holds it no longer; if it does, it must not do so for ever. */
const GONE: TaskOutcome = {
  kind: "fault",
  fault: { code: "internal", message: FILE_ERRORS.internal, permanent: true, death: false },
};

interface Job {
  readonly claim: Claim;
  readonly context: TaskContext;
  readonly build: string;
  readonly source: Source;
  readonly spool: ChunkSpool;
}

interface ReadText {
  detectedType: string;
  titleTokens: string;
  pages: number;
  warnings: readonly FileWarning[];
  whole: boolean;
}

/**
 * Reads the original; its pages go to the kept text as they come, its chunks to the spool, and from there into the
 * index once all have come. Resolves when the text is published. When it throws, nothing is being written any more.
 */
async function publishText(
  deps: IndexingDeps,
  job: Job,
): Promise<{ readonly read: ReadText; readonly indexed: Promise<void> }> {
  const { blobs, extractor } = deps;
  const { claim, context, source } = job;
  const read: ReadText = { detectedType: source.declaredType, titleTokens: "", pages: 0, warnings: [], whole: false };
  const events = extractor.extract(
    {
      teamId: claim.teamId,
      filename: source.filename,
      title: source.title,
      declaredType: source.declaredType,
      sizeBytes: source.sizeBytes,
      open: () => undamaged(blobs.read(storedKey(source.blobKey)), source.sha256),
    },
    { signal: context.signal, lane: claim.lane, onSlow: context.movedToSlowLane },
  );
  const key = textKey(claim.fileId, job.build);
  let indexed = Promise.resolve();
  async function* lines(): AsyncGenerator<Uint8Array> {
    yield* linesOf(events, job, read);
    indexed = writeChunks(deps, job, read.titleTokens);
    // It is waited for, whatever becomes of the text.
    indexed.catch(() => {});
  }
  try {
    await blobs.put(key, lines());
  } catch (error) {
    await indexed.catch(() => {});
    throw error;
  }
  // A store that has the key already discards the stream unread: a catalogue restored from a backup counts attempts
  // again. The next attempt has a free name.
  if (!read.whole) throw new BlobStoreError("exists", "the text of this build is there already");
  return { read, indexed };
}

async function* linesOf(
  events: AsyncIterable<readonly ExtractionEvent[]>,
  job: Job,
  read: ReadText,
): AsyncGenerator<Uint8Array> {
  for await (const together of events) {
    const pages: ExtractedPage[] = [];
    for (const event of together) {
      if (event.kind === "page") pages.push(event.page);
      else if (event.kind === "chunks") await job.spool.add(event.chunks);
      else note(event, job.context, read);
    }
    read.pages += pages.length;
    yield* textLines(pages);
  }
  read.whole = true;
}

function note(
  event: Exclude<ExtractionEvent, { kind: "page" | "chunks" }>,
  context: TaskContext,
  read: ReadText,
): void {
  switch (event.kind) {
    case "type":
      read.detectedType = event.detected;
      read.titleTokens = event.titleTokens;
      break;
    case "warnings":
      read.warnings = event.warnings;
      break;
    case "progress":
      context.report({ stage: "extracting", progress: { done: event.done, total: event.total, unit: "pages" } });
      break;
  }
}

async function writeChunks({ index }: IndexingDeps, job: Job, titleTokens: string): Promise<void> {
  const { claim, context, build, source, spool } = job;
  const { buckets, tags } = source;
  let done = 0;
  for await (const batches of someAtOnce(spool.read(), LIMITS.chunkWritesAtOnce)) {
    context.signal.throwIfAborted();
    context.report({ stage: "indexing", progress: { done, total: spool.count, unit: "chunks" } });
    const write = (chunks: readonly IndexedChunk[]) =>
      index.write(claim.teamId, { file: claim.fileId, build, buckets, tags, titleTokens, chunks });
    await Promise.all(batches.map(write));
    done += batches.flat().length;
  }
}

/** In order, so many together; the last ones may be fewer. */
async function* someAtOnce<T>(from: AsyncIterable<T>, count: number): AsyncGenerator<readonly T[]> {
  let some: T[] = [];
  for await (const each of from) {
    some.push(each);
    if (some.length < count) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/**
 * What earlier attempts and the replaced build left. The file is indexed already: whatever fails here is maintenance's.
 */
async function removeOlder(deps: IndexingDeps, claim: Claim, { replaced }: Activated): Promise<void> {
  if (replaced === null && claim.attempt === 1) return;
  try {
    await pruneFile(deps, claim.teamId, claim.fileId);
    if (replaced !== null && replaced.textKey !== null) await deps.blobs.remove(storedKey(replaced.textKey));
  } catch (error) {
    deps.log.warn({ file: claim.fileId, err: error }, "an older build could not be removed yet");
  }
}
