import { statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { AREAS, type Area } from "./blob-store.ts";

export interface InspectedBlobs {
  /** Areas that are not there: opening the store would make them anew, and hide that its disk is not mounted. */
  readonly missing: readonly Area[];
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** A look at a store's folder without opening it. */
export function inspectBlobs(root: string): InspectedBlobs {
  const disk = statfsSync(root);
  return {
    missing: AREAS.filter((area) => statSync(join(root, area), { throwIfNoEntry: false }) === undefined),
    freeBytes: disk.bavail * disk.bsize,
    totalBytes: disk.blocks * disk.bsize,
  };
}
