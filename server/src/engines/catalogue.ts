import type { Catalogue } from "../catalogue/catalogue.ts";
import { openSqliteCatalogue, type SqliteCatalogueOptions } from "../catalogue/sqlite.ts";
import { entryFile } from "../program/entry-file.ts";
import { walBytes } from "../sqlite/wal-checkpoint.ts";

/**
 * Which engine stands behind a port that keeps something: chosen in this folder, for the server and the command line
 * alike. A file for each, so that a command loads what it opens and nothing else.
 *
 * The catalogue's is SQLite, with a thread that writes and others that read.
 */
export function openCatalogue(options: Omit<SqliteCatalogueOptions, "threads">): Promise<Catalogue> {
  return openSqliteCatalogue({ ...options, threads: THREADS });
}

const THREADS = {
  owner: entryFile(new URL("../threads/catalogue-owner.ts", import.meta.url)),
  reader: entryFile(new URL("../threads/catalogue-reader.ts", import.meta.url)),
};

/** Size of its write-ahead log, in bytes: for `/readyz` and metrics. */
export function catalogueLogBytes(path: string): number {
  return walBytes(path);
}
