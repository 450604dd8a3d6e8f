import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { errorCodeOf } from "../errors.ts";
import type { Original } from "../files/originals.store.ts";
import { hasOriginal, originalsAfter, originalsOf } from "../files/originals.ts";
import { type FileId, parseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Batch, Chore } from "./chore.ts";
import { readPosition } from "./position.ts";

export interface ScrubberDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Default limits.scrubBytesPerSecond. */
  readonly bytesPerSecond?: number;
}

/** Originals of one batch: the position is kept between two. */
const ORIGINALS = 50;
/** File handles or memory: it will be tried again. */
const LACKING: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);
/** Damaged originals that are known by name; more are in the log alone. */
const KNOWN_DAMAGED = 1000;

/**
 * Reads every original again and again, slowly, and compares it with the digest that finalize recorded: a disk that
 * loses bits does so where nobody looks. What is damaged is never served anyway (content.ts compares before it
 * sends); here it is found while a backup still has it. Says so in the log, in `/readyz` and in a metric, until the
 * file is deleted or its bytes are back.
 *
 * Its position holds what is damaged too: a round of 100 GB takes 7 hours, and a restart must not forget it for so
 * long.
 */
export class Scrubber implements Chore {
  readonly name = "scrub_originals";
  readonly everyMs: number = LIMITS.scrubEveryMs;
  /** It keeps its own pace, by bytes. */
  readonly share = 1;
  readonly #deps: ScrubberDeps;
  readonly #damaged = new Set<FileId>();
  #remembers = false;

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

  /** At the beginning of a round, and after a restart, what was damaged is looked at first. */
  async runOnce(position: string | null, signal: AbortSignal): Promise<Batch> {
    const { after, damaged } = parsePosition(position);
    for (const file of this.#remembers ? [] : damaged) this.#damaged.add(file);
    if (after === null || !this.#remembers) await this.#lookAgain(signal);
    this.#remembers = true;
    const page = await originalsAfter(this.#deps.catalogue, after, ORIGINALS);
    let found = 0;
    for (const original of page.originals) if (await this.#scrub(original, signal)) found += 1;
    const place = { after: page.last, damaged: [...this.#damaged] };
    const next = page.last === null && this.damaged === 0 ? null : JSON.stringify(place);
    return { next, ended: page.last === null, looked: page.originals.length, mended: found };
  }

  /** A file may have been deleted, or its bytes be back from a backup. */
  async #lookAgain(signal: AbortSignal): Promise<void> {
    const files = [...this.#damaged];
    const there = await originalsOf(this.#deps.catalogue, files);
    for (const file of files) if (!there.some((original) => original.file === file)) this.#damaged.delete(file);
    for (const original of there) await this.#scrub(original, signal);
  }

  /** Whether it is damaged. */
  async #scrub(original: Original, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const fault = await this.#faultOf(original, signal);
    if (signal.aborted) return false;
    if (fault === null) this.#damaged.delete(original.file);
    // Deleted while it was being read.
    if (fault === null || !(await hasOriginal(this.#deps.catalogue, original))) return false;
    this.#deps.log.error(
      { file_id: original.file, blob_key: original.key, fault },
      "an original is damaged: restore its blob from a backup, or delete the file and upload it again",
    );
    if (this.#damaged.size < KNOWN_DAMAGED) this.#damaged.add(original.file);
    return true;
  }

  async #faultOf({ key, sizeBytes, sha256 }: Original, signal: AbortSignal): Promise<string | null> {
    const digest = createHash("sha256");
    let bytes = 0;
    try {
      for await (const chunk of this.#deps.blobs.read(storedKey(key))) {
        digest.update(chunk);
        bytes += chunk.byteLength;
        this.#deps.metrics.count("wharf_scrubbed_bytes_total", {}, chunk.byteLength);
        await this.#pace(chunk.byteLength, signal);
        if (signal.aborted) return null;
      }
    } catch (error) {
      if (!(error instanceof BlobStoreError)) throw error;
      // A file that gives EIO is damaged; when the whole disk is away, or the process lacks something, nothing is known of
      // any file.
      if (LACKING.has(errorCodeOf(error.cause) ?? "")) throw error;
      await this.#deps.blobs.check();
      return error.failure === "unavailable" ? "cannot be read" : error.failure;
    }
    if (bytes !== sizeBytes) return `${bytes} bytes instead of ${sizeBytes}`;
    return digest.digest("hex") === sha256 ? null : "changed bytes";
  }

  /** Even pace instead of a burst a second: a chunk, then its time. */
  async #pace(bytes: number, signal: AbortSignal): Promise<void> {
    const rate = this.#deps.bytesPerSecond ?? LIMITS.scrubBytesPerSecond;
    await sleep((bytes / rate) * 1000, undefined, { signal, ref: false }).catch(() => {});
  }
}

/** The beginning, and nothing damaged, also for what another version may have written. */
function parsePosition(text: string | null): { readonly after: FileId | null; readonly damaged: readonly FileId[] } {
  const found = readPosition(text);
  if (found === null || !("after" in found) || !("damaged" in found)) return { after: null, damaged: [] };
  const damaged = Array.isArray(found.damaged) ? found.damaged : [];
  const ids = damaged.flatMap((id) => parseId("file", String(id)) ?? []);
  return { after: parseId("file", String(found.after)), damaged: ids };
}
