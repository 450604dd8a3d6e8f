import { setTimeout as wait } from "node:timers/promises";
import { BlobStoreError } from "../../blobs/blob-store.ts";
import type { SessionId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";

/**
 * What data requests of this process hold on the disk that no record lists, and what they may still write.
 *
 * Of each session one request at a time writes: the next one begins when what the one before left is gone. So a session
 * never has more on the disk than its declared size, however often its URL is used at once; two of a hanging disk's
 * requests would have twice that.
 */
export class UnrecordedBytes {
  readonly #shares = new Set<Share>();
  /** Of each session: resolves when none of its requests has anything left. */
  readonly #gone = new Map<SessionId, Promise<void>>();

  /**
   * For a request that will write at most `bytes`; counted until `leave`. `isOwed`: the session has a row, which
   * promises them.
   */
  open(session: SessionId, bytes: number, { isOwed } = { isOwed: true }): Share {
    const before = this.#gone.get(session);
    const share = new Share(bytes, before ?? null, isOwed);
    this.#shares.add(share);
    const gone = Promise.all([before, share.left]).then(() => {
      this.#shares.delete(share);
      if (this.#gone.get(session) === gone) this.#gone.delete(session);
    });
    this.#gone.set(session, gone);
    return share;
  }

  /** Those of which a request holds something, or may yet. */
  sessions(): readonly SessionId[] {
    return [...this.#gone.keys()];
  }

  /** Resolves when no request of the session that is there now has anything left. */
  async goneOf(session: SessionId): Promise<void> {
    await this.#gone.get(session);
  }

  /** The same of all sessions. */
  async allGone(): Promise<void> {
    await Promise.all(this.#gone.values());
  }

  /** Of all sessions together. */
  totals(): { readonly onDiskBytes: number; readonly toComeBytes: number } {
    let onDiskBytes = 0;
    let toComeBytes = 0;
    for (const share of this.#shares) {
      onDiskBytes += share.onDiskBytes;
      toComeBytes += share.toComeBytes;
    }
    return { onDiskBytes, toComeBytes };
  }

  /** Of them, what no session's row promises: a look at the catalogue does not see it. */
  get unpromisedBytes(): number {
    const shares = [...this.#shares].filter(({ isOwed }) => !isOwed);
    return shares.reduce((sum, { onDiskBytes, toComeBytes }) => sum + onDiskBytes + toComeBytes, 0);
  }
}

/** One request's. */
export class Share {
  readonly #left = Promise.withResolvers<void>();
  readonly #before: Promise<void> | null;
  #onDiskBytes = 0;
  #toComeBytes: number;

  readonly isOwed: boolean;

  /** `before`: when the session's earlier requests have left; null = there are none. */
  constructor(bytes: number, before: Promise<void> | null, isOwed: boolean) {
    this.#toComeBytes = bytes;
    this.#before = before;
    this.isOwed = isOwed;
  }

  get left(): Promise<void> {
    return this.#left.promise;
  }

  get onDiskBytes(): number {
    return this.#onDiskBytes;
  }

  get toComeBytes(): number {
    return this.#toComeBytes;
  }

  /**
   * Before the first byte is written. Rejects with `unavailable` when the disk keeps an earlier request for too long.
   */
  async turn(): Promise<void> {
    // The usual case: a timer and its cancelling were a fortieth of what an upload costs the main thread.
    if (this.#before === null) return;
    const late = new AbortController();
    const tooLong = wait(LIMITS.takeOverWaitMs, true, { ref: false, signal: late.signal }).catch(() => false);
    const inTime = !(await Promise.race([this.#before.then(() => false), tooLong]));
    late.abort();
    if (!inTime) throw new BlobStoreError("unavailable", "an earlier request of the session still holds the disk");
  }

  wrote(bytes: number): void {
    this.#onDiskBytes += bytes;
    this.#toComeBytes = Math.max(0, this.#toComeBytes - bytes);
  }

  recorded(bytes: number): void {
    this.#onDiskBytes -= bytes;
  }

  /** Nothing of it is left on the disk, and it writes no more. */
  leave(): void {
    this.#onDiskBytes = 0;
    this.#toComeBytes = 0;
    this.#left.resolve();
  }
}
