import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { bytesOwed } from "./sweep.store.ts";
import type { UnrecordedBytes } from "./unrecorded.ts";

/** Whether there is room for more: below the reserve create answers 507 and `upload_url` 503, and everything else goes on. */
export interface DiskGate {
  /** A create that promises room for `bytes`. Never throws: no answer means no room is known to lack. */
  admitsSession(bytes: number): Promise<boolean>;
  /** A data request that may write `bytes`, which were promised already: refused when those before it may use the reserve up. */
  admitsData(bytes: number): Promise<boolean>;
}

/** One look at the disk and one at the catalogue serve everybody for this long. */
const LOOK_EVERY_MS = 1000;

/**
 * The reserve is the smaller of 1 GiB and 5 % of the disk (design §9), counted after what open sessions may still send. What was
 * admitted since the last look counts as well, so that a burst within one second cannot overrun it.
 *
 * Bytes that no record lists yet are on the disk and owed as well, since they may have to be sent again: they are counted once.
 */
export function createDiskGate(deps: {
  blobs: BlobStore;
  catalogue: Catalogue;
  unrecorded: UnrecordedBytes;
  reserveBytes: number | null;
}): DiskGate {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;
  let writable = Number.POSITIVE_INFINITY;
  let promisable = Number.POSITIVE_INFINITY;

  const look = async () => {
    // Before the disk is asked: what is written meanwhile then counts twice for a second, never not at all.
    const { onDiskBytes, toComeBytes } = deps.unrecorded.totals();
    const [disk, owedBytes] = await Promise.all([deps.blobs.check(), deps.catalogue.run(bytesOwed, {})]);
    const share = disk.totalBytes === null ? Number.POSITIVE_INFINITY : disk.totalBytes * LIMITS.diskReserveShare;
    const reserve = deps.reserveBytes ?? Math.min(LIMITS.diskReserveBytes, share);
    const aboveReserve = disk.freeBytes === null ? Number.POSITIVE_INFINITY : disk.freeBytes - reserve;
    writable = aboveReserve - toComeBytes;
    promisable = aboveReserve - Math.max(0, owedBytes - onDiskBytes);
  };

  const lookNowAndThen = async () => {
    if (performance.now() - lookedAt <= LOOK_EVERY_MS) return;
    looking ??= look().finally(() => {
      lookedAt = performance.now();
      looking = null;
    });
    await looking.catch(() => {});
  };

  return {
    async admitsSession(bytes) {
      await lookNowAndThen();
      if (promisable < bytes) return false;
      promisable -= bytes;
      return true;
    },
    async admitsData(bytes) {
      await lookNowAndThen();
      if (writable < 0) return false;
      writable -= bytes;
      return true;
    },
  };
}
