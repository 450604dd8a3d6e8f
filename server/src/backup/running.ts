import type { BlobArchive, SegmentedStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../clock.ts";
import type { DataFolder } from "../data-folder.ts";
import type { IdSource } from "../ids.ts";
import type { Contents } from "./contents.ts";

export interface BackupDeps {
  readonly live: { readonly folder: DataFolder; readonly catalogue: Catalogue; readonly blobs: SegmentedStore };
  /** An empty folder; the store in its `blobs`, and that as an archive. */
  readonly target: { readonly path: string; readonly blobs: SegmentedStore; readonly archive: BlobArchive };
  readonly openCatalogue: (path: string) => Promise<Catalogue>;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly signal: AbortSignal;
}

export interface BackupReport {
  readonly takenAt: string;
  originals: number;
  texts: number;
  /** Segments of uploads that were not finished. */
  segments: number;
  bytes: number;
  /** Objects that share the disk's blocks with the data folder, instead of being copies. */
  linked: number;
  /** Files and sessions that were deleted or ended while the backup ran, and are so in it. */
  endedMeanwhile: number;
  /** Objects that the data folder itself has lost or whose bytes are damaged: `wharf doctor --deep` says more. */
  lost: string[];
}

export interface Running extends BackupDeps {
  /** The backup's own catalogue: what ended meanwhile is ended in it. */
  readonly snapshot: Catalogue;
  readonly contents: Contents;
}
