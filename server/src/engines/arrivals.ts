import type { IncomingMessage, ServerResponse } from "node:http";
import type { SegmentedStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import type { IdSource } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import { createDiskGate, type DiskGate } from "../uploads/disk-gate.ts";
import { ByteEndpoint } from "../uploads/embedded/byte-endpoint.ts";
import { DigestEngine } from "../uploads/embedded/digests.ts";
import { EmbeddedArrivals } from "../uploads/embedded/embedded-arrivals.ts";
import { UnrecordedBytes } from "../uploads/embedded/unrecorded.ts";

export interface ArrivalsOptions {
  readonly config: Pick<Config, "uploadOrigins" | "diskReserveBytes">;
  readonly catalogue: Catalogue;
  readonly blobs: SegmentedStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Log;
  readonly secret: string;
  readonly publicUrl: () => string;
  /** Of requests that send bytes, and of large objects that are read back. */
  readonly places: Places;
  readonly hashings: Turns;
}

export interface OpenArrivals {
  readonly arrivals: Arrivals;
  /** Whether the disk that they lie on has room. */
  readonly disk: DiskGate;
  /**
   * Answers what is sent to an upload_url of ours; `expectsContinue`: the client waits for `100 Continue`.
   * Never rejects.
   */
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void>;
  /** Cuts what still comes in; its whole units are recorded, and what cannot go on is gone. */
  close(): Promise<void>;
}

/** Our own byte end-point, with segments in the blob folder behind it. */
export async function openArrivals(options: ArrivalsOptions): Promise<OpenArrivals> {
  const { config, catalogue, blobs } = options;
  const digests = await DigestEngine.create();
  const unrecorded = new UnrecordedBytes();
  const disk = createDiskGate({ blobs, catalogue, unrecorded, reserveBytes: config.diskReserveBytes });
  const endpoint = new ByteEndpoint({ ...options, digests, unrecorded, disk });
  return {
    arrivals: new EmbeddedArrivals({ ...options, digests, unrecorded, writers: endpoint }),
    disk,
    handle: (request, response, expectsContinue) => endpoint.handle(request, response, expectsContinue),
    async close() {
      await endpoint.close();
      await unrecorded.allGone();
    },
  };
}
