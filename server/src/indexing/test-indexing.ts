import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SegmentedStore } from "../blobs/blob-store.ts";
import { originalKey, storedKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import { everyEntry } from "../blobs/test-entries.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Extractor } from "../extraction/extractor.ts";
import type { BucketId, FileId, SessionId, TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { openFts5SearchIndex } from "../search-index/fts5.ts";
import type { SearchIndex } from "../search-index/search-index.ts";
import { openTestCatalogue, type TestCatalogue, type TestFile } from "../tasks/test-catalogue.ts";
import { Worker } from "../tasks/worker.ts";
import type { Script } from "./fixtures/script.ts";
import { createIndexFile, type IndexingDeps } from "./index-file.ts";
import { createRemoveFile, type RemoveFileDeps } from "./remove-file.ts";
import { activate } from "./store.ts";
import { openScriptedReaders } from "./test-documents.ts";

/** Indexing over a real catalogue, a real FTS5 index and real readers, which say what each test scripts. */
export interface TestIndexing {
  readonly on: TestCatalogue;
  readonly blobs: SegmentedStore;
  readonly index: SearchIndex;
  readonly team: TeamId;
  readonly bucket: BucketId;
  /** By file name. */
  readonly scripts: Map<string, Script>;
  readonly extractor: Extractor;
  readonly arrivals: RemoveFileDeps["arrivals"];
  depsWith(given?: Partial<IndexingDeps>): IndexingDeps;
  workerWith(given?: Partial<IndexingDeps>): Worker;
  /** A file as finalize leaves it, its original published. */
  newFile(filename: string, script: Script): Promise<TestFile>;
  textOf(key: string | null): Promise<string>;
  /** Which builds and positions the index holds for a word, shown or not. */
  staged(word: string): Promise<string[]>;
  shows(file: FileId): Promise<{ readonly state: string; readonly memberships: readonly string[] }>;
  /** Tasks whose lease has ended by now. */
  rescued(): Promise<string[]>;
  emptyQueue(): Promise<void>;
  entriesOf(session: string): Promise<string[]>;
  close(): Promise<void>;
}

const NOTHING: Script = { titleTokens: "", pages: [] };

/** What every test file's original holds. */
const ORIGINAL = "the original";

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

export async function openTestIndexing(): Promise<TestIndexing> {
  const on = await openTestCatalogue();
  const blobs = openMemoryBlobStore();
  const index = await openFts5SearchIndex({
    dir: join(on.folder, "index"),
    log: SILENT,
    fatal: () => {},
    damageSureMs: 0,
  });
  await mkdir(join(on.folder, "spool"));
  const team = await on.newTeam();
  const bucket = await on.newBucket(team);
  const scripts = new Map<string, Script>();
  const extractor = await openScriptedReaders(({ filename }) => scripts.get(filename) ?? NOTHING);
  const depsWith = (given: Partial<IndexingDeps> = {}): IndexingDeps => ({
    catalogue: on.catalogue,
    blobs,
    index,
    extractor,
    log: SILENT,
    spoolFolder: join(on.folder, "spool"),
    ...given,
  });
  const arrivals = { discard: (session: SessionId) => blobs.removeSegments(session) };
  return {
    on,
    blobs,
    arrivals,
    index,
    team,
    bucket,
    scripts,
    extractor,
    depsWith,
    workerWith(given) {
      const deps = depsWith(given);
      const handlers = { index: createIndexFile(deps), remove: createRemoveFile({ ...deps, arrivals }) };
      return new Worker({ queue: on.queue, handlers, log: SILENT, places: { fast: 1, slow: 1 } });
    },
    async newFile(filename, script) {
      scripts.set(filename, script);
      const sessionId = on.ids.next("sess");
      const sha256 = createHash("sha256").update(ORIGINAL).digest("hex");
      await blobs.put(originalKey(sessionId, sha256), streamOf(ORIGINAL));
      return on.newFile({ team, bucket, filename, sessionId, sha256, tags: ["blue"] });
    },
    async textOf(key) {
      const parts: Uint8Array[] = [];
      for await (const part of blobs.read(storedKey(key ?? ""))) parts.push(part);
      return Buffer.concat(parts).toString("utf8");
    },
    async staged(word) {
      const query = {
        text: word,
        buckets: [bucket],
        tags: ["blue"],
        files: null,
        limit: 100,
        termBudgetRows: null,
      };
      const { candidates } = await index.rank(team, query);
      return candidates.map(({ build, position }) => `${build}/${position}`);
    },
    shows: async (file) => ({ state: (await on.file(file)).state, memberships: await on.memberships(file) }),
    rescued: async () => (await on.queue.rescue(on.now())).returned.map((task) => task.taskId),
    async emptyQueue() {
      await on.db.deleteFrom("tasks").execute();
    },
    async entriesOf(session) {
      const found: string[] = [];
      for await (const entry of everyEntry(blobs))
        if ("session" in entry && entry.session === session) found.push(entry.kind);
      return found;
    },
    async close() {
      await extractor.close();
      await index.close();
      await on.close();
    },
  };
}

async function* streamOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** The adapters are classes: their methods, bound, so that a test can replace one. */
export function blobMethods(store: SegmentedStore): SegmentedStore {
  return {
    beginSegment: (...call) => store.beginSegment(...call),
    readSegments: (...call) => store.readSegments(...call),
    publish: (...call) => store.publish(...call),
    put: (...call) => store.put(...call),
    size: (...call) => store.size(...call),
    read: (...call) => store.read(...call),
    linkInto: (...call) => store.linkInto(...call),
    remove: (...call) => store.remove(...call),
    removeSegments: (...call) => store.removeSegments(...call),
    cutSegment: (...call) => store.cutSegment(...call),
    list: (...call) => store.list(...call),
    removeEntry: (...call) => store.removeEntry(...call),
    check: () => store.check(),
    close: () => store.close(),
  };
}

export function indexMethods(real: SearchIndex): SearchIndex {
  return {
    write: (...call) => real.write(...call),
    removeFile: (...call) => real.removeFile(...call),
    removeBuild: (...call) => real.removeBuild(...call),
    label: (...call) => real.label(...call),
    rank: (...call) => real.rank(...call),
    builds: (...call) => real.builds(...call),
    refresh: (...call) => real.refresh(...call),
    teams: () => real.teams(),
    discard: (...call) => real.discard(...call),
    damaged: () => real.damaged(),
    close: async () => {},
  };
}

export function failing(error: Error): () => Promise<never> {
  return () => Promise.reject(error);
}

export function failingRead(error: Error): SegmentedStore["read"] {
  return async function* () {
    yield await Promise.reject(error);
  };
}

/** A catalogue that refuses the activation. */
export function refusing(catalogue: Catalogue, error: Error): Catalogue {
  return {
    run: (operation, input) =>
      operation.name === activate.name ? Promise.reject(error) : catalogue.run(operation, input),
    listen: (topic, wake) => catalogue.listen(topic, wake),
    close: async () => {},
  };
}
