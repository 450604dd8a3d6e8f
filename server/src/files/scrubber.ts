import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { type FileId, parseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Original } from "./originals.store.ts";
import { hasOriginal, originalsOf, walkOriginals } from "./originals.ts";

export interface ScrubberDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** File where it keeps how far it came and what is damaged, so that restarts do not compare the same files for ever. */
  readonly positionPath: string;
  /** Default limits.scrubBytesPerSecond. */
  readonly bytesPerSecond?: number;
}

/** Files between two notes of the position. */
const POSITION_EVERY = 50;
/** Damaged originals that are known by name; more are in the log alone. */
const KNOWN_DAMAGED = 1000;

/**
 * Reads every original again and again, slowly, and compares it with the digest that finalize recorded: a disk that loses bits does so where
 * nobody looks. What is damaged is never served anyway (content.ts compares before it sends); here it is found while a backup still
 * has it. Says so in the log, in `/readyz` and in a metric, until the file is deleted or its bytes are back.
 */
export class Scrubber {
  readonly #deps: ScrubberDeps;
  readonly #stopping = new AbortController();
  readonly #damaged = new Set<FileId>();
  #after: FileId | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: ScrubberDeps) {
    this.#deps = deps;
  }

  /** Originals that were damaged or missing when they were last read. */
  get damaged(): number {
    return this.#damaged.size;
  }

  get state(): string {
    return this.damaged === 0
      ? "ok"
      : `${this.damaged} damaged or missing: the log names them; run wharf doctor --deep`;
  }

  start(): void {
    this.#running = this.#rounds();
  }

  /** Within a chunk's time. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** From where the last round was left to the end, after another look at what was damaged. */
  async runOnce(): Promise<void> {
    const { catalogue } = this.#deps;
    await this.#lookAgain();
    let looked = 0;
    for await (const original of walkOriginals(catalogue, this.#after)) {
      await this.#scrub(original);
      if (this.#stopping.signal.aborted) return;
      this.#after = original.file;
      looked += 1;
      if (looked % POSITION_EVERY === 0) await this.#keepPosition();
    }
    this.#after = null;
    await this.#keepPosition();
  }

  async #rounds(): Promise<void> {
    const { signal } = this.#stopping;
    await this.#readPosition();
    while (!signal.aborted) {
      try {
        await this.runOnce();
      } catch (err) {
        // An outage of catalogue or disk, which whoever needs them reports too.
        if (!signal.aborted) this.#deps.log.warn({ err }, "the scrubber cannot read right now; it goes on later");
      }
      await sleep(LIMITS.scrubPauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** A file may have been deleted, or its bytes be back from a backup. */
  async #lookAgain(): Promise<void> {
    const files = [...this.#damaged];
    const there = await originalsOf(this.#deps.catalogue, files);
    for (const file of files) if (!there.some((original) => original.file === file)) this.#damaged.delete(file);
    for (const original of there) await this.#scrub(original);
  }

  async #scrub(original: Original): Promise<void> {
    const fault = await this.#faultOf(original);
    if (this.#stopping.signal.aborted) return;
    if (fault === null) return void this.#damaged.delete(original.file);
    // Deleted while it was being read.
    if (!(await hasOriginal(this.#deps.catalogue, original))) return;
    this.#deps.log.error(
      { file_id: original.file, blob_key: original.key, fault },
      "an original is damaged: restore its blob from a backup, or delete the file and upload it again",
    );
    if (this.#damaged.size < KNOWN_DAMAGED) this.#damaged.add(original.file);
  }

  async #faultOf({ key, sizeBytes, sha256 }: Original): Promise<string | null> {
    const digest = createHash("sha256");
    let bytes = 0;
    try {
      for await (const chunk of this.#deps.blobs.read(storedKey(key))) {
        digest.update(chunk);
        bytes += chunk.byteLength;
        this.#deps.metrics.count("wharf_scrubbed_bytes_total", {}, chunk.byteLength);
        await this.#pace(chunk.byteLength);
        if (this.#stopping.signal.aborted) return null;
      }
    } catch (error) {
      if (!(error instanceof BlobStoreError)) throw error;
      // A file that gives EIO is damaged; when the whole disk is away, nothing is known of any file.
      await this.#deps.blobs.check();
      return error.failure === "unavailable" ? "cannot be read" : error.failure;
    }
    if (bytes !== sizeBytes) return `${bytes} bytes instead of ${sizeBytes}`;
    return digest.digest("hex") === sha256 ? null : "changed bytes";
  }

  /** Even pace instead of a burst a second: a chunk, then its time. */
  async #pace(bytes: number): Promise<void> {
    const rate = this.#deps.bytesPerSecond ?? LIMITS.scrubBytesPerSecond;
    const { signal } = this.#stopping;
    await sleep((bytes / rate) * 1000, undefined, { signal, ref: false }).catch(() => {});
  }

  async #keepPosition(): Promise<void> {
    const { positionPath } = this.#deps;
    const position = { after: this.#after, damaged: [...this.#damaged] };
    try {
      await writeFile(`${positionPath}.tmp`, JSON.stringify(position), { mode: 0o600 });
      await rename(`${positionPath}.tmp`, positionPath);
    } catch (err) {
      // A full disk: it is only a convenience.
      this.#deps.log.debug({ err }, "the scrubber's position could not be kept");
    }
  }

  async #readPosition(): Promise<void> {
    const text = await readFile(this.#deps.positionPath, "utf8").catch(() => "null");
    const { after, damaged } = parsePosition(text);
    this.#after = after;
    for (const file of damaged) this.#damaged.add(file);
  }
}

function parsePosition(text: string): { readonly after: FileId | null; readonly damaged: readonly FileId[] } {
  const nothing = { after: null, damaged: [] };
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== "object" || found === null || !("after" in found) || !("damaged" in found)) return nothing;
    const damaged = Array.isArray(found.damaged) ? found.damaged : [];
    const ids = damaged.flatMap((id) => parseId("file", String(id)) ?? []);
    return { after: parseId("file", String(found.after)), damaged: ids };
  } catch {
    return nothing;
  }
}
