import { randomBytes } from "node:crypto";
import { access, constants, link, lstat, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, createClock } from "../clock.ts";
import { errorCodeOf } from "../errors.ts";
import type { SessionId } from "../ids.ts";
import type { Log } from "../log.ts";
import { shareOpenFiles } from "../open-file-limit.ts";
import {
  type Area,
  type BlobArchive,
  type BlobKey,
  BlobStoreError,
  type SegmentedStore,
  type SegmentRef,
  type SegmentWriter,
  type StoredEntry,
  type StoredPage,
} from "./blob-store.ts";
import { createDirectorySync, type DirectorySync, OpenFolders } from "./directory-sync.ts";
import { linkBlob } from "./fs-archive.ts";
import { attempt, isAbsent, readError, storeError } from "./fs-errors.ts";
import { makeFolders } from "./fs-folders.ts";
import {
  blobPath,
  epochOf,
  pathOf,
  readPath,
  SHARDS,
  segmentFolder,
  segmentPath,
  temporaryBeside,
} from "./fs-layout.ts";
import { readFileRange } from "./fs-read.ts";
import { FsSegmentWriter, writeNewFile } from "./fs-segment-writer.ts";

const KNOWN_LENGTHS = 4096;
/** Entries that `list` looks at in one call: 40 ms of system calls. */
const PAGE = 500;

export interface FsBlobStoreOptions {
  /** Absolute path of a folder that is the store's alone. Made when it is absent, mode 0700; files are 0600. */
  readonly root: string;
  readonly log?: Log;
  /** Ages temporary files in `list`. */
  readonly clock?: Clock;
}

/**
 * Opens the store in a folder of a local file system. One process may write to a folder at a time (the server's lock
 * sees to it). Rejects when the folder cannot be made, written or hard-linked in.
 */
export async function openFsBlobStore(options: FsBlobStoreOptions): Promise<SegmentedStore> {
  await makeFolders(options.root);
  return new FsBlobStore(options);
}

class FsBlobStore implements SegmentedStore {
  readonly #root: string;
  readonly #log: Log | undefined;
  readonly #clock: Clock;
  readonly #folders = new OpenFolders(shareOpenFiles().folders);
  readonly #directories: DirectorySync = createDirectorySync((directory) => this.#folders.fsync(directory));
  /** Segment files that somebody may still append to, or whose cut may not be on disk. */
  readonly #notToBeLinked = new Set<string>();
  /**
   * Lengths of segment files that were closed, the newest: spares publish one of its six calls (8 to 25 % of its time).
   */
  readonly #lengths = new Map<string, number>();
  /** Temporary files of this process, so that no clock and no round of reconcile takes one for a leftover. */
  readonly #temporaries = new Set<string>();
  /** Random, so that a temporary of an earlier process never has the same name. */
  readonly #run = randomBytes(8).toString("hex");
  #made = 0;

  constructor(options: FsBlobStoreOptions) {
    this.#root = options.root;
    this.#log = options.log;
    this.#clock = options.clock ?? createClock();
  }

  /**
   * bytes durable → name → name durable → resolve. Nothing here takes anything away from the segments, so a crash at
   * any point leaves something to go on from.
   */
  async publish(session: SessionId, segments: readonly SegmentRef[], key: BlobKey): Promise<void> {
    const target = this.#path(blobPath(key));
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    try {
      const whole = await this.#wholeSegment(session, segments, dirname(target));
      if (whole !== null) await this.#giveName(whole, target, bytes);
      else if (!(await this.#isThere(key, bytes))) await this.#putUnder(target, this.readSegments(session, segments));
    } catch (error) {
      // Another publish of the session may have been committed meanwhile and its segments removed: then the
      // blob is there.
      const gone = error instanceof BlobStoreError && error.failure === "missing";
      if (!gone || (await this.size(key)) !== bytes) throw error;
    }
    await this.#syncNames(target);
  }

  async put(key: BlobKey, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = this.#path(blobPath(key));
    if (!(await isThere(target)) || this.#directories.isSuspect(dirname(target))) await this.#putUnder(target, content);
    else await content[Symbol.asyncIterator]().return?.();
    // Also for a blob that was there: whoever made it may still be waiting for this.
    await this.#syncNames(target);
  }

  async beginSegment(session: SessionId, epoch: number): Promise<SegmentWriter> {
    const path = this.#path(segmentPath(session, epoch));
    const handle = await attempt("begin a segment", open(path, "wx", 0o600));
    this.#notToBeLinked.add(path);
    return new FsSegmentWriter(handle, {
      syncName: () => this.#directories.sync(dirname(path)),
      closed: (bytes) => this.#segmentClosed(path, bytes),
      log: this.#log,
    });
  }

  async *readSegments(session: SessionId, segments: readonly SegmentRef[]): AsyncIterable<Uint8Array> {
    for (const { epoch, bytes } of segments) {
      yield* readFileRange("read a segment", this.#path(segmentPath(session, epoch)), { start: 0, end: bytes });
    }
  }

  read(key: BlobKey, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array> {
    return readFileRange("read a blob", this.#path(blobPath(key)), range);
  }

  async size(key: BlobKey): Promise<number | null> {
    const path = this.#path(blobPath(key));
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (await isAbsent(error, path)) return null;
      throw storeError("look for a blob", error);
    }
  }

  linkInto({ folder }: BlobArchive, key: BlobKey): Promise<"linked" | "missing" | "elsewhere"> {
    return linkBlob(this.#root, folder, key);
  }

  async remove(key: BlobKey): Promise<void> {
    const path = this.#path(blobPath(key));
    await this.#unlink(path);
    await this.#syncNames(path);
  }

  /** Not fsynced: a segment that a power cut brings back is unlisted, and reconcile removes it again. */
  async removeSegments(session: SessionId, which: (epoch: number) => boolean = () => true): Promise<void> {
    const folder = this.#path(segmentFolder(session));
    for (const name of await attempt("list segments", readdir(folder))) {
      const epoch = epochOf(session, name);
      if (epoch !== null && which(epoch)) await this.#unlink(join(folder, name));
    }
  }

  /**
   * Fsynced: a segment of exactly its recorded length may become a blob by a link, and a power cut must not bring the
   * rest back into it. When that fails the segment stays marked, so that publish copies it for as long as it is there.
   * A file that has a second name is a blob by now.
   */
  async cutSegment(session: SessionId, epoch: number, bytes: number): Promise<void> {
    const path = this.#path(segmentPath(session, epoch));
    if (bytes === 0) return this.#unlink(path);
    try {
      const { size, nlink } = await stat(path);
      if (size <= bytes || nlink > 1) return;
      this.#lengths.delete(path);
      this.#notToBeLinked.add(path);
      await cutFile(path, bytes);
    } catch (error) {
      if (!(await isAbsent(error, path))) throw storeError("cut a segment", error);
    }
    this.#notToBeLinked.delete(path);
  }

  /** `next` is the path of the page's last entry: shards and names have an order, whatever the file system's is. */
  async list(area: Area, after: string | null): Promise<StoredPage> {
    const [from = "", lastName = ""] = after === null ? [] : after.split("/");
    const entries: StoredEntry[] = [];
    for (const shard of SHARDS.filter((shard) => shard >= from)) {
      const names = await attempt("list a folder", readdir(this.#path(`${area}/${shard}`)));
      for (const name of names.sort()) {
        if (shard === from && name <= lastName) continue;
        const entry = await this.#look(`${area}/${shard}/${name}`);
        if (entry !== null && entries.push(entry) === PAGE) return { entries, next: `${shard}/${name}` };
      }
    }
    return { entries, next: null };
  }

  async removeEntry(entry: StoredEntry): Promise<void> {
    const path = pathOf(entry);
    if (readPath(path, 0, 0) === null) throw new Error("not an entry of this store");
    await this.#unlink(this.#path(path));
  }

  async check(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    // W_OK fails with EROFS on a disk that was remounted read-only, which statfs does not show.
    await attempt("write to the blob folder", access(this.#path("originals"), constants.W_OK));
    const disk = await attempt("ask for free space", statfs(this.#root));
    return { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
  }

  close(): Promise<void> {
    return this.#folders.close();
  }

  /**
   * The path of the one segment that is the whole object, exactly, or null when its bytes have to be copied: several
   * segments, a tail that was never recorded, a writer that could still append, a cut that may not be on disk.
   */
  async #wholeSegment(session: SessionId, segments: readonly SegmentRef[], folder: string): Promise<string | null> {
    const [only, ...more] = segments.filter((segment) => segment.bytes > 0);
    if (only === undefined || more.length > 0 || this.#directories.isSuspect(folder)) return null;
    const path = this.#path(segmentPath(session, only.epoch));
    if (this.#notToBeLinked.has(path)) return null;
    return (await this.#segmentLength(path)) === only.bytes ? path : null;
  }

  async #segmentLength(path: string): Promise<number> {
    const known = this.#lengths.get(path);
    if (known !== undefined) return known;
    try {
      return (await stat(path)).size;
    } catch (error) {
      throw await readError("publish a segment", error, path);
    }
  }

  #segmentClosed(path: string, bytes: number | null): void {
    this.#notToBeLinked.delete(path);
    if (bytes !== null) this.#lengths.set(path, bytes);
    const [oldest] = this.#lengths.keys();
    if (this.#lengths.size > KNOWN_LENGTHS && oldest !== undefined) this.#lengths.delete(oldest);
  }

  /** Whether the blob is there, with that length, and nothing speaks against its being on disk. */
  async #isThere(key: BlobKey, bytes?: number): Promise<boolean> {
    const there = await this.size(key);
    if (this.#directories.isSuspect(dirname(this.#path(blobPath(key))))) return false;
    return bytes === undefined ? there !== null : there === bytes;
  }

  async #putUnder(target: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = temporaryBeside(target, `${this.#run}-${this.#made++}`);
    this.#temporaries.add(temporary);
    try {
      const bytes = await writeNewFile(temporary, content);
      await this.#giveName(temporary, target, bytes);
    } finally {
      // Before the directory's fsync, so that this fsync takes the name away too and a power cut leaves no litter.
      await this.#unlink(temporary).catch((err: unknown) =>
        this.#log?.warn({ err }, "a temporary file stays for maintenance"),
      );
      this.#temporaries.delete(temporary);
    }
  }

  /**
   * link, not rename: rename would replace silently. An equal key means equal bytes, so a blob that is there is done,
   * unless its length says that the disk has damaged it.
   *
   * After a failed fsync of the folder it is unknown which of its names are on disk, and fsyncing again would prove
   * nothing. Then the name is written anew, by a rename over the old one, and never missing in between.
   */
  async #giveName(from: string, target: string, bytes: number): Promise<void> {
    if (this.#directories.isSuspect(dirname(target))) return attempt("replace a blob", rename(from, target));
    try {
      await link(from, target);
    } catch (error) {
      if (errorCodeOf(error) === "ENOENT") throw await readError("publish a blob", error, from);
      if (errorCodeOf(error) !== "EEXIST") throw storeError("publish a blob", error);
      const there = await attempt("look at a blob", stat(target));
      if (there.size !== bytes)
        throw new BlobStoreError("damaged", `the blob has ${there.size} bytes on disk instead of ${bytes}`);
    }
  }

  #syncNames(path: string): Promise<void> {
    return attempt("sync a folder", this.#directories.sync(dirname(path)));
  }

  async #unlink(path: string): Promise<void> {
    this.#lengths.delete(path);
    try {
      await unlink(path);
    } catch (error) {
      if (!(await isAbsent(error, path))) throw storeError("remove a file", error);
    }
    this.#notToBeLinked.delete(path);
  }

  /** What lies at a path, or null when it is gone by now or none of ours. */
  async #look(path: string): Promise<StoredEntry | null> {
    const entry = readPath(path, 0, 0);
    if (entry === null) this.#log?.warn({ path }, "the blob folder holds a file that is not ours; it is left alone");
    if (entry?.kind !== "segment" && entry?.kind !== "temporary") return entry;
    const absolute = this.#path(path);
    try {
      const { size, mtimeMs } = await lstat(absolute);
      // A temporary of this process is in use, however old the clock makes it.
      const ageMs = this.#temporaries.has(absolute) ? 0 : Math.max(0, this.#clock.now() - mtimeMs);
      return readPath(path, size, ageMs);
    } catch (error) {
      if (await isAbsent(error, absolute)) return null;
      throw storeError("look at a file", error);
    }
  }

  #path(relative: string): string {
    return join(this.#root, relative);
  }
}

async function cutFile(path: string, bytes: number): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.truncate(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the folder is there, too, is left to whoever makes the file. */
async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return false;
    throw storeError("look for a blob", error);
  }
}
