import { createHash } from "node:crypto";
import { BlobStoreError, type SegmentedStore } from "../../blobs/blob-store.ts";
import { originalKey } from "../../blobs/keys.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import type { Turns } from "../../fairness/turns.ts";
import type { SessionId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type {
  Arrivals,
  ArrivedDigests,
  NewUpload,
  Received,
  Sealing,
  SealOptions,
  TakenIn,
  Tidied,
  TidyOptions,
  UploadUrl,
} from "../arrivals.ts";
import { dropBytes, readSession, recordProgress } from "../session.store.ts";
import type { Session } from "../session.ts";
import type { DigestEngine } from "./digests.ts";
import { digestAtOffset } from "./intake.ts";
import { writeSegment } from "./one-call-segment.ts";
import { Segments } from "./segments.ts";
import type { Share, UnrecordedBytes } from "./unrecorded.ts";
import { makeUploadUrl } from "./upload-url.ts";

export interface EmbeddedArrivalsDeps {
  readonly catalogue: Catalogue;
  readonly blobs: SegmentedStore;
  readonly digests: DigestEngine;
  /** Reading a large object back takes its team's turn: it may be asked for again and again, with a wrong digest. */
  readonly hashings: Turns;
  readonly writers: Writers;
  readonly unrecorded: UnrecordedBytes;
  readonly secret: string;
  readonly publicUrl: () => string;
  readonly log: Log;
}

/** What is read back. */
type Arrived = Pick<Session, "id" | "teamId" | "sizeBytes" | "segments" | "md5">;

/** The data requests of this process (byte-endpoint.ts). */
export interface Writers {
  busySessions(): readonly SessionId[];
  /** Ends the session's, its whole units recorded. */
  stopWriter(session: SessionId): Promise<void>;
}

/**
 * Bytes arrive at our own end-point and lie in segments. What has arrived is the session row's to say: it is moved with
 * every record, so nothing here asks the disk how much there is.
 */
export class EmbeddedArrivals implements Arrivals {
  readonly #deps: EmbeddedArrivalsDeps;
  readonly #segments: Segments;
  /** Of sessions without a row, until they are discarded. */
  readonly #taking = new Map<SessionId, Share>();

  constructor(deps: EmbeddedArrivalsDeps) {
    this.#deps = deps;
    this.#segments = new Segments(deps, () => this.busy());
  }

  /** Derived, so it is the same one for ever; the end-point lets it in for as long as the row lives. */
  async urlFor({ id }: Session): Promise<UploadUrl> {
    return { url: makeUploadUrl(this.#deps.publicUrl(), this.#deps.secret, id), expiresAt: null };
  }

  async received({ receivedBytes, sizeBytes }: Session): Promise<Received> {
    return { bytes: receivedBytes, complete: receivedBytes === sizeBytes };
  }

  /**
   * Between any two steps a cancel, an expiry or another finalize may end the session and take its segments away:
   * `changed`. Segments that nobody took are lost or damaged, and dropped.
   */
  async seal(session: Session, options: SealOptions): Promise<Sealing> {
    const { receivedBytes, sizeBytes, state } = session;
    if (receivedBytes < sizeBytes) return { kind: "incomplete", receivedBytes };
    try {
      return state === "open" ? await this.#close(session) : await this.#publish(session, options);
    } catch (error) {
      if (!(error instanceof BlobStoreError) || error.failure === "unavailable" || error.failure === "full")
        throw error;
      const now = await this.#deps.catalogue.run(readSession, session);
      const same = now !== null && now.state === session.state && now.writerEpoch === session.writerEpoch;
      return same ? this.#dropDamaged(session) : { kind: "changed" };
    }
  }

  /** Counted among what requests hold of the disk, and so among those that are busy, until it is discarded. */
  async takeIn(
    { id, teamId, mostBytes }: NewUpload,
    content: AsyncIterable<Uint8Array>,
    gone: AbortSignal,
  ): Promise<TakenIn> {
    const share = this.#deps.unrecorded.open(id, mostBytes, { isOwed: false });
    this.#taking.set(id, share);
    const { segment, md5, crc32c } = await writeSegment(this.#deps, id, content, share);
    const segments = [segment];
    const sizeBytes = segment.bytes;
    const digests = await this.#hashInTurn({ id, teamId, sizeBytes, segments, md5 }, gone);
    if (digests.crc32c !== crc32c) throw new BlobStoreError("damaged", "what was read back is not what came");
    const key = originalKey(id, digests.sha256);
    try {
      await this.#deps.blobs.publish(id, segments, key);
    } catch (error) {
      // It may have its name by now, and nobody else knows of the session. What stays all the same, reconcile removes.
      await this.#deps.blobs.remove(key).catch(() => {});
      throw error;
    }
    return { key, sizeBytes, digests };
  }

  /** The end of the session first, then its bytes: whoever still writes them changes no row any more. */
  async discard(session: SessionId): Promise<void> {
    try {
      await this.#deps.writers.stopWriter(session);
      await this.#deps.blobs.removeSegments(session);
    } finally {
      await this.#release(session);
    }
  }

  /** Of what was taken in: nothing of it is busy any more when this resolves. */
  async #release(session: SessionId): Promise<void> {
    const share = this.#taking.get(session);
    if (share === undefined) return;
    this.#taking.delete(session);
    share.leave();
    await this.#deps.unrecorded.goneOf(session);
  }

  tidy(after: string | null, options: TidyOptions): Promise<Tidied> {
    return this.#segments.tidy(after, options);
  }

  busy(): readonly SessionId[] {
    return this.#deps.writers.busySessions();
  }

  /** FIN-3: a session that holds all its bytes is complete, even when no request said that it was the last. */
  async #close(session: Session): Promise<Sealing> {
    const { catalogue, digests } = this.#deps;
    const state = await digestAtOffset(this.#deps, session);
    const { md5Base64, crc32cBase64 } = digests.finish(state);
    await catalogue.run(recordProgress, {
      id: session.id,
      epoch: session.writerEpoch,
      receivedBytes: session.receivedBytes,
      segments: session.segments,
      digestState: digests.encode(state),
      digests: { md5: md5Base64, crc32c: crc32cBase64 },
    });
    return { kind: "changed" };
  }

  async #publish(session: Session, { check, gone }: SealOptions): Promise<Sealing> {
    const found = await this.#hashInTurn(session, gone);
    if (found.crc32c !== session.crc32c) return this.#dropDamaged(session);
    check(found);
    const key = originalKey(session.id, found.sha256);
    // Also when the blob is there already: an earlier finalize may have failed between its name and the sync
    // of that name.
    await this.#deps.blobs.publish(session.id, session.segments, key);
    return { kind: "sealed", key, digests: found, fence: { writerEpoch: session.writerEpoch } };
  }

  #hashInTurn(session: Arrived, gone: AbortSignal): Promise<ArrivedDigests> {
    if (session.sizeBytes <= LIMITS.hashedInTurnBytes) return this.#hash(session);
    return this.#deps.hashings.run({ teamId: session.teamId, keyId: null }, gone, () => this.#hash(session));
  }

  /** The crc32c tells changed bytes as well as the md5, at a quarter of its time. */
  async #hash({ id, segments, md5 }: Arrived): Promise<ArrivedDigests> {
    if (md5 === null) throw new Error(`${id} is received without an md5`);
    const { blobs, digests } = this.#deps;
    const sha256 = createHash("sha256");
    const crc32c = digests.crc32cAlone();
    for await (const chunk of blobs.readSegments(id, segments)) {
      sha256.update(chunk);
      crc32c.update(chunk);
    }
    return { sha256: sha256.digest("hex"), md5, crc32c: crc32c.base64() };
  }

  /** FIN-5: the bytes changed on our disk. They are dropped and the session is open again. */
  async #dropDamaged(session: Session): Promise<Sealing> {
    const { catalogue, blobs, log } = this.#deps;
    log.error({ session_id: session.id, team_id: session.teamId }, "stored upload bytes are damaged: dropped");
    const dropped = await catalogue.run(dropBytes, { id: session.id, epoch: session.writerEpoch });
    if (!dropped) return { kind: "changed" };
    await blobs.removeSegments(session.id, (epoch) => epoch <= session.writerEpoch);
    return { kind: "damaged" };
  }
}
