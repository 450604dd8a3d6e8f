import { createServer } from "node:http";
import type { BlobKey, SegmentedStore, SegmentWriter } from "../../blobs/blob-store.ts";
import { openMemoryBlobStore } from "../../blobs/memory.ts";
import { testBudgets } from "../../fairness/test-budgets.ts";
import type { SessionId } from "../../ids.ts";
import { createLog } from "../../log.ts";
import type { Arrivals } from "../arrivals.ts";
import type { ArrivalsUnderTest } from "../conformance-arrivals.ts";
import { type TestUploads, withMethods } from "../test-uploads.ts";
import { ByteEndpoint } from "./byte-endpoint.ts";
import { EmbeddedArrivals } from "./embedded-arrivals.ts";
import { UnrecordedBytes } from "./unrecorded.ts";

/** Where a naive one differs. */
export interface Differences {
  readonly store?: (store: SegmentedStore) => SegmentedStore;
  readonly arrivals?: (arrivals: Arrivals) => Arrivals;
}

const NO_DISK = { roomForSession: async () => ROOM, roomForData: async () => ROOM };
const ROOM = { giveBack: () => {} };

/**
 * Our own byte end-point on a port of its own, over a store in memory that forgets what was not synced when the
 * power is cut.
 */
export async function openEmbedded(
  uploads: TestUploads,
  { store = same, arrivals: change = same }: Differences = {},
): Promise<ArrivalsUnderTest> {
  const disk = new PowerCutStore();
  const blobs = store(disk.store);
  const server = createServer({ keepAlive: false });
  const publicUrl = () => {
    const address = server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  };
  const open = () => {
    const { catalogue, digests, ids } = uploads;
    const { hashings, uploads: places } = testBudgets();
    const clock = { now: () => Date.now() };
    const unrecorded = new UnrecordedBytes();
    const shared = { catalogue, blobs, digests, unrecorded, secret: "secret", publicUrl, log: createLog("silent") };
    const config = { uploadOrigins: ["*"] };
    const endpoint = new ByteEndpoint({
      ...shared,
      config,
      clock,
      ids,
      disk: NO_DISK,
      places,
    });
    return { endpoint, arrivals: change(new EmbeddedArrivals({ ...shared, hashings, writers: endpoint })) };
  };
  let running = open();
  server.on("request", (request, response) => void running.endpoint.handle(request, response, false));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const reopen = async () => {
    await running.endpoint.close();
    running = open();
  };
  return {
    get arrivals() {
      return running.arrivals;
    },
    blobs,
    uploads,
    leftovers: async (session) => (await disk.segmentsOf(session)).length,
    damage: (session) => disk.damage(session),
    reopen,
    async cutPower() {
      await reopen();
      await disk.cutPower();
    },
    async close() {
      await running.endpoint.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function same<T>(it: T): T {
  return it;
}

/**
 * Segments in memory: what their writers have not synced is gone after a power cut, and so is what was
 * published of that.
 */
class PowerCutStore {
  readonly #memory = openMemoryBlobStore();
  readonly #appended = new Map<string, number>();
  readonly #synced = new Map<string, number>();
  readonly #damaged = new Set<SessionId>();
  /** Made of bytes that no writer had synced. */
  readonly #volatile = new Set<BlobKey>();
  readonly store: SegmentedStore;

  constructor() {
    const memory = this.#memory;
    this.store = withMethods(memory, {
      beginSegment: async (session, epoch) =>
        this.#watched(`${session}.${epoch}`, await memory.beginSegment(session, epoch)),
      readSegments: (session, segments) => this.#read(session, memory.readSegments(session, segments)),
      publish: async (session, segments, key) => {
        await memory.publish(session, segments, key);
        const isSynced = segments.every(({ epoch, bytes }) => (this.#synced.get(`${session}.${epoch}`) ?? 0) >= bytes);
        if (!isSynced) this.#volatile.add(key);
      },
      removeSegments: async (session, which) => {
        await memory.removeSegments(session, which);
        this.#damaged.delete(session);
      },
    });
  }

  async damage(session: SessionId): Promise<void> {
    this.#damaged.add(session);
  }

  async segmentsOf(session: SessionId) {
    const { entries } = await this.#memory.list("segments", null);
    return entries.filter((entry) => entry.kind === "segment" && entry.session === session);
  }

  async cutPower(): Promise<void> {
    for (const key of this.#volatile) await this.#memory.remove(key);
    for (const entry of (await this.#memory.list("segments", null)).entries)
      if (entry.kind === "segment") {
        const name = `${entry.session}.${entry.epoch}`;
        await this.#memory.cutSegment(entry.session, entry.epoch, this.#synced.get(name) ?? 0);
      }
  }

  #watched(name: string, writer: SegmentWriter): SegmentWriter {
    return {
      append: async (chunks) => {
        await writer.append(chunks);
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
        this.#appended.set(name, (this.#appended.get(name) ?? 0) + bytes);
      },
      sync: async () => {
        await writer.sync();
        this.#synced.set(name, this.#appended.get(name) ?? 0);
      },
      close: () => writer.close(),
    };
  }

  async *#read(session: SessionId, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let first = this.#damaged.has(session);
    for await (const chunk of content) {
      if (first) chunk[0] = (chunk[0] ?? 0) ^ 1;
      first = false;
      yield chunk;
    }
  }
}
