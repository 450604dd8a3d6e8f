import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { bytesOwed } from "./sweep.store.ts";

/** Whether there is room for more: below the reserve create answers 507 and `upload_url` 503, and everything else goes on. */
export interface DiskGate {
  /** For a create that wants `wantedBytes`; 0 for bytes that were promised already. Never throws: no answer means no room is known to lack. */
  isLow(wantedBytes: number): Promise<boolean>;
}

/** One look at the disk and one at the catalogue serve everybody for this long. */
const LOOK_EVERY_MS = 1000;

/**
 * The reserve is the smaller of 1 GiB and 5 % of the disk (design §9), counted after what open sessions may still send. What was
 * admitted since the last look counts as well, so that a burst within one second cannot overrun it.
 */
export function createDiskGate(deps: {
  blobs: BlobStore;
  catalogue: Catalogue;
  reserveBytes: number | null;
}): DiskGate {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;
  let aboveReserve = Number.POSITIVE_INFINITY;
  let promisable = Number.POSITIVE_INFINITY;

  const look = async () => {
    const [disk, owedBytes] = await Promise.all([deps.blobs.check(), deps.catalogue.run(bytesOwed, {})]);
    const share = disk.totalBytes === null ? Number.POSITIVE_INFINITY : disk.totalBytes * LIMITS.diskReserveShare;
    const reserve = deps.reserveBytes ?? Math.min(LIMITS.diskReserveBytes, share);
    aboveReserve = disk.freeBytes === null ? Number.POSITIVE_INFINITY : disk.freeBytes - reserve;
    promisable = aboveReserve - owedBytes;
  };

  return {
    async isLow(wantedBytes) {
      if (performance.now() - lookedAt > LOOK_EVERY_MS) {
        looking ??= look().finally(() => {
          lookedAt = performance.now();
          looking = null;
        });
        await looking.catch(() => {});
      }
      if (wantedBytes === 0) return aboveReserve < 0;
      if (promisable < wantedBytes) return true;
      promisable -= wantedBytes;
      return false;
    },
  };
}
