import { createHash } from "node:crypto";
import type { BlobStore } from "../blobs/blob-store.ts";
import { originalKey } from "../blobs/keys.ts";
import { openMemoryBlobStore } from "../blobs/memory.ts";
import { brandId, type SessionId } from "../ids.ts";
import type {
  Arrivals,
  NewUpload,
  Received,
  Sealing,
  SealOptions,
  TakenIn,
  Tidied,
  TidyOptions,
  UploadUrl,
} from "./arrivals.ts";
import type { ArrivalsUnderTest } from "./conformance-arrivals.ts";
import { dropBytes, recordProgress, takeWriter } from "./session.store.ts";
import { hasEnded, type Session } from "./session.ts";
import { sessionFacts } from "./sweep.store.ts";
import { digestsOf, TestBucket } from "./test-bucket.ts";
import type { TestUploads } from "./test-uploads.ts";

export interface BucketArrivalsDeps {
  readonly bucket: TestBucket;
  readonly uploads: TestUploads;
  readonly blobs: BlobStore;
  /** The URLs of each session: what an adapter has to keep, sealed, beside the row. */
  readonly urls: Map<SessionId, string[]>;
}

/**
 * What an adapter of a bucket store does whose bytes never pass through us, in the small: it says of the port that it
 * asks for nothing which only our own end-point can give. For tests; the product has no such store yet.
 */
export class BucketArrivals implements Arrivals {
  readonly #deps: BucketArrivalsDeps;
  readonly #taking = new Set<SessionId>();
  protected readonly precondition: { readonly onlyNew: boolean } = { onlyNew: true };

  constructor(deps: BucketArrivalsDeps) {
    this.#deps = deps;
  }

  async urlFor(session: Session): Promise<UploadUrl> {
    const { bucket, urls } = this.#deps;
    const url = await bucket.createResumableUpload(nameOf(session), session.sizeBytes, this.precondition);
    // Before it is given away: what nobody remembers, nobody can cancel.
    urls.set(session.id, [...(urls.get(session.id) ?? []), url]);
    return { url, expiresAt: Date.now() + WEEK_MS };
  }

  async received(session: Session): Promise<Received> {
    const { bucket, urls } = this.#deps;
    if (bucket.objects.has(nameOf(session))) return { bytes: session.sizeBytes, complete: true };
    const kept = await Promise.all((urls.get(session.id) ?? []).map((url) => bucket.keptOf(url)));
    return { bytes: Math.max(0, ...kept.filter((bytes) => bytes < session.sizeBytes)), complete: false };
  }

  /** The generation is read and published, whatever comes by that name later. */
  async seal(session: Session, { check }: SealOptions): Promise<Sealing> {
    const { bucket, blobs } = this.#deps;
    const object = bucket.objects.get(nameOf(session));
    if (object === undefined) return { kind: "incomplete", receivedBytes: (await this.received(session)).bytes };
    if (session.state === "open") {
      await this.#record(session, object);
      return { kind: "changed" };
    }
    // Google gives both for nothing, but no sha256: the bytes are read anyway, and compared.
    const sha256 = createHash("sha256").update(object.bytes).digest("hex");
    const digests = { sha256, ...digestsOf(this.#deps.uploads.digests, object.bytes) };
    if (digests.crc32c !== session.crc32c) return this.#drop(session);
    check(digests);
    const key = originalKey(session.id, digests.sha256);
    await blobs.put(key, once(object.bytes));
    return { kind: "sealed", key, digests, fence: { writerEpoch: session.writerEpoch } };
  }

  /** These bytes do pass through us, and need no bucket: they are published as they came. */
  async takeIn({ id }: NewUpload, content: AsyncIterable<Uint8Array>): Promise<TakenIn> {
    this.#taking.add(id);
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const digests = { sha256, ...digestsOf(this.#deps.uploads.digests, bytes) };
    const key = originalKey(id, sha256);
    await this.#deps.blobs.put(key, once(bytes));
    return { key, sizeBytes: bytes.length, digests };
  }

  /** URLs first: what comes by one of them while the object is deleted would be there again. */
  async discard(session: SessionId): Promise<void> {
    const { bucket, urls } = this.#deps;
    for (const url of urls.get(session) ?? []) await this.cancel(url);
    await bucket.deleteObject(nameOf({ id: session }));
    this.#taking.delete(session);
  }

  async tidy(after: string | null, { repair }: TidyOptions): Promise<Tidied> {
    const { bucket, uploads } = this.#deps;
    const names = [...bucket.objects.keys()].sort().filter((name) => after === null || name > after);
    const page = names.slice(0, PAGE);
    const ids = page.map((name) => brandId("sess", name.replace("uploads/", "")));
    const facts = await uploads.catalogue.run(sessionFacts, { ids });
    let [garbage, garbageBytes] = [0, 0];
    for (const id of ids) {
      const session = facts.find((fact) => fact.id === id);
      if (session !== undefined && !hasEnded(session.state)) continue;
      garbage += 1;
      garbageBytes += bucket.objects.get(nameOf({ id }))?.bytes.length ?? 0;
      if (repair) await this.discard(id);
    }
    const next = names.length > PAGE ? (page.at(-1) ?? null) : null;
    return { looked: page.length, garbage, tails: 0, garbageBytes, failures: [], next };
  }

  busy(): readonly SessionId[] {
    return [...this.#taking];
  }

  async #record(session: Session, { md5, crc32c }: { readonly md5: string; readonly crc32c: string }): Promise<void> {
    await this.#deps.uploads.catalogue.run(recordProgress, {
      id: session.id,
      epoch: session.writerEpoch,
      receivedBytes: session.sizeBytes,
      segments: [],
      digestState: "",
      digests: { md5, crc32c },
    });
  }

  /** The next epoch: whoever sealed the dropped bytes makes no file of them any more. */
  async #drop(session: Session): Promise<Sealing> {
    const { catalogue } = this.#deps.uploads;
    const dropped = await catalogue.run(dropBytes, { id: session.id, epoch: session.writerEpoch });
    if (!dropped) return { kind: "changed" };
    await this.fence(session.id);
    await this.discard(session.id);
    return { kind: "damaged" };
  }

  protected cancel(url: string): Promise<void> {
    return this.#deps.bucket.cancelUpload(url);
  }

  protected async fence(id: SessionId): Promise<void> {
    await this.#deps.uploads.catalogue.run(takeWriter, { id });
  }
}

const WEEK_MS = 7 * 24 * 3_600_000;
/** Small, so that a round has more than one. */
const PAGE = 2;

function nameOf({ id }: Pick<Session, "id">): string {
  return `uploads/${id}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** On the adapter's side, of a bucket and a catalogue that outlive it. */
export async function openBucket(
  uploads: TestUploads,
  open: (deps: BucketArrivalsDeps) => Arrivals = (deps) => new BucketArrivals(deps),
): Promise<ArrivalsUnderTest> {
  const bucket = await TestBucket.open(uploads.digests);
  const deps = { bucket, uploads, blobs: openMemoryBlobStore(), urls: new Map<SessionId, string[]>() };
  let arrivals = open(deps);
  const reopen = async () => {
    arrivals = open(deps);
  };
  return {
    get arrivals() {
      return arrivals;
    },
    blobs: deps.blobs,
    uploads,
    leftovers: async (session) => bucket.countOf(nameOf({ id: session })),
    damage: async (session) => bucket.damage(nameOf({ id: session })),
    reopen,
    cutPower: reopen,
    close: () => bucket.close(),
  };
}
