import type { BlobStore } from "./blobs/blob-store.ts";
import { type FsBlobStoreOptions, openFsBlobStore } from "./blobs/fs.ts";
import type { Catalogue } from "./catalogue/catalogue.ts";
import { openSqliteCatalogue, type SqliteCatalogueOptions } from "./catalogue/sqlite.ts";
import { type Fts5SearchIndex, type Fts5SearchIndexOptions, openFts5SearchIndex } from "./search-index/fts5.ts";
import { walBytes } from "./sqlite/wal-checkpoint.ts";

/** Which engine stands behind each port that keeps something: the server and the command line open them here alone. */

/** SQLite, with a thread that writes and one that reads. */
export function openCatalogue(options: Omit<SqliteCatalogueOptions, "threads">): Promise<Catalogue> {
  return openSqliteCatalogue({ ...options, threads: CATALOGUE_THREADS });
}

const CATALOGUE_THREADS = {
  owner: new URL("./threads/catalogue-owner.ts", import.meta.url),
  reader: new URL("./threads/catalogue-reader.ts", import.meta.url),
};

/** Size of its write-ahead log, in bytes: for `/readyz` and metrics. */
export function catalogueLogBytes(path: string): number {
  return walBytes(path);
}

/** A folder. */
export function openBlobs(options: FsBlobStoreOptions): Promise<BlobStore> {
  return openFsBlobStore(options);
}

/** FTS5, a file for each team. */
export function openSearchIndex(options: Fts5SearchIndexOptions): Promise<Fts5SearchIndex> {
  return openFts5SearchIndex(options);
}
