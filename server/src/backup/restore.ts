import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type BlobArchive, BlobStoreError, type SegmentedStore } from "../blobs/blob-store.ts";
import { fsyncDirectory, makeFolderDurably } from "../blobs/directory-sync.ts";
import { ConfigError } from "../config.ts";
import { type DataFolder, findDataFolder, RESTORE_MARK } from "../data-folder.ts";
import { readContents } from "./contents.ts";
import { copyDurably } from "./durable-copy.ts";
import { HashingStream } from "./hashing-stream.ts";
import { type Entry, type Manifest, NAMES, readManifest } from "./manifest.ts";

export interface RestoreDeps {
  readonly backup: string;
  readonly dataDir: string;
  /** Of the folder named. */
  readonly openArchive: (root: string) => BlobArchive;
  readonly openBlobs: (root: string) => Promise<SegmentedStore>;
  readonly signal: AbortSignal;
}

export interface RestoreReport {
  readonly manifest: Manifest;
  readonly folder: DataFolder;
  objects: number;
  bytes: number;
  /** Objects of the backup that are missing or not what was backed up; everything else was restored. */
  damaged: string[];
}

/**
 * `wharf restore`: a backup into a new data folder. Everything is copied and compared with its digest on the way, so
 * the backup stays what it is and the folder shares nothing with it. A mark in the folder keeps servers off it until
 * all is there; a restore that was interrupted is begun again in an empty folder. The caller makes the index
 * afterwards. Throws BackupError, and ConfigError for a folder that is not empty.
 */
export async function restore(deps: RestoreDeps): Promise<RestoreReport> {
  const { backup, dataDir } = deps;
  refuseUsedFolder(dataDir);
  const manifest = await readManifest(backup);
  const folder = findDataFolder(dataDir);
  await makeFolderDurably(dataDir);
  await (await open(join(dataDir, RESTORE_MARK), "wx", 0o600)).close();
  await fsyncDirectory(dataDir);

  const blobs = await deps.openBlobs(folder.blobs);
  mkdirSync(folder.index, { mode: 0o700 });
  const archive = deps.openArchive(join(backup, NAMES.blobs));
  const report: RestoreReport = { manifest, folder, objects: 0, bytes: 0, damaged: [] };
  try {
    for await (const entry of readContents(join(backup, NAMES.contents))) {
      deps.signal.throwIfAborted();
      await restoreEntry(archive, blobs, entry, report);
    }
  } finally {
    await blobs.close();
  }
  if (manifest.secret) await copyDurably(join(backup, NAMES.secret), join(dataDir, NAMES.secret));
  await copyDurably(join(backup, NAMES.catalogue), folder.catalogue);
  await fsyncDirectory(dataDir);
  // From here on a server may use it.
  await unlink(join(dataDir, RESTORE_MARK));
  await fsyncDirectory(dataDir);
  return report;
}

function refuseUsedFolder(dataDir: string): void {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0)
    throw new ConfigError(
      `${dataDir} is not empty: restore into a new folder, then point --data-dir of the server to it.`,
    );
}

async function restoreEntry(
  from: BlobArchive,
  blobs: SegmentedStore,
  entry: Entry,
  report: RestoreReport,
): Promise<void> {
  try {
    if (entry.kind === "blob") await restoreBlob(from, blobs, entry);
    else await restoreSegment(from, blobs, entry);
    report.objects += 1;
    report.bytes += entry.bytes;
  } catch (error) {
    const loss = error instanceof BlobStoreError && (error.failure === "missing" || error.failure === "damaged");
    if (!loss) throw error;
    report.damaged.push(entry.kind === "blob" ? entry.key : `segments/${entry.session}/${entry.epoch}`);
  }
}

async function restoreBlob(
  from: BlobArchive,
  blobs: SegmentedStore,
  entry: Entry & { readonly kind: "blob" },
): Promise<void> {
  await blobs.put(entry.key, compared(from.read(entry.key), entry));
}

async function restoreSegment(
  from: BlobArchive,
  blobs: SegmentedStore,
  entry: Entry & { readonly kind: "segment" },
): Promise<void> {
  const { session, epoch } = entry;
  const writer = await blobs.beginSegment(session, epoch);
  try {
    for await (const chunk of compared(from.readSegment(session, epoch), entry)) await writer.append([chunk]);
    await writer.sync();
  } catch (error) {
    await writer.close();
    await blobs.removeSegments(session, (other) => other === epoch);
    throw error;
  }
  await writer.close();
}

/** The same bytes; fails at their end when they are not what was backed up, so that nothing is published. */
async function* compared(source: AsyncIterable<Uint8Array>, expected: Entry): AsyncGenerator<Uint8Array> {
  const hashing = new HashingStream(source);
  yield* hashing.stream();
  const { bytes, sha256 } = hashing.result();
  if (bytes !== expected.bytes || sha256 !== expected.sha256)
    throw new BlobStoreError("damaged", "the backup's bytes are not those that were backed up");
}
