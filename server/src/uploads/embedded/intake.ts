import { BlobStoreError, type SegmentRef, type SegmentStore, type SegmentWriter } from "../../blobs/blob-store.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import { LIMITS } from "../../limits.ts";
import { readSession, recordProgress } from "../session.store.ts";
import type { Session } from "../session.ts";
import type { DigestEngine, DigestState } from "./digests.ts";
import type { Share, UnrecordedBytes } from "./unrecorded.ts";

/** What computing a digest state again needs. */
export interface DigestDeps {
  readonly blobs: SegmentStore;
  readonly digests: DigestEngine;
}

export interface IntakeDeps extends DigestDeps {
  readonly catalogue: Catalogue;
  readonly unrecorded: UnrecordedBytes;
}

/** Appended to the segment in pieces of about this size: one is written while the next one gathers. */
const APPEND_BYTES = 128 * 1024;
const UNIT = LIMITS.uploadUnitBytes;

/** A newer data request has the session, or the session ended: nothing more of this one counts. */
export class SupersededError extends Error {
  override readonly name = "SupersededError";
}

/**
 * What one data request writes: a segment under its own epoch. Bytes are hashed as they come, appended, and count only
 * once `record` has fsynced them and moved the session's offset. Calls may overlap (the body and the timer): they take
 * turns inside. `close` takes away what was written and not recorded.
 */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #session: Session;
  readonly #share: Share;
  /** Absolute offset of the next byte of the body. */
  #position: number;
  /** Digest state at `#position` … */
  #digest: DigestState;
  /** … and at the last whole unit, which is what a cut request keeps. */
  #unit: { readonly offset: number; readonly digest: DigestState };
  #recorded: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #segment: SegmentWriter | null = null;
  /** Bytes of the segment that were written … */
  #writtenBytes = 0;
  /** … and those that a record lists, or, when its outcome is not known, may list. */
  #listedBytes = 0;
  #inDoubt = false;
  #closing: Promise<void> | null = null;
  /** The turn that is under way; never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  #failure: unknown = null;

  private constructor(deps: IntakeDeps, session: Session, body: Body, digest: DigestState) {
    this.#deps = deps;
    this.#session = session;
    this.#share = deps.unrecorded.open(session.id, Math.max(0, body.end - session.receivedBytes));
    this.#position = body.first;
    this.#digest = digest;
    this.#unit = { offset: session.receivedBytes, digest };
    this.#recorded = session.receivedBytes;
  }

  /**
   * `session` as taking the epoch returned it. The body begins at or below its offset: the known part is
   * skipped (PUT-5).
   */
  static async start(deps: IntakeDeps, session: Session, body: Body): Promise<Intake> {
    return new Intake(deps, session, body, await digestAtOffset(deps, session));
  }

  /** Absolute offset that the body has reached. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes of the body. Resolves when the one before the last piece is written: backpressure of two pieces. */
  async accept(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const known = Math.min(chunk.length, Math.max(0, this.#session.receivedBytes - this.#position));
    this.#position += known;
    this.#take(chunk.subarray(known));
    if (this.#gatheredBytes < APPEND_BYTES) return;
    await this.#turn;
    void this.#inTurn(() => this.#append()).catch(() => {});
  }

  /** Makes whole units count that have come in since the last record (PUT-9). */
  recordUnits(): Promise<Session | null> {
    return this.#inTurn(() => this.#record(this.#unit.offset, this.#unit.digest, null));
  }

  /** Makes everything count that has come in. */
  recordAll(): Promise<Session | null> {
    return this.#inTurn(() => this.#record(this.#position, this.#digest, null));
  }

  /** Crc32c and md5 of everything so far, for the check before `complete`. */
  digestsSoFar() {
    return this.#deps.digests.finish(this.#digest);
  }

  /** The last record: the object is complete. The caller has checked that all bytes are here. */
  async complete(): Promise<Session> {
    const { md5Base64, crc32cBase64 } = this.digestsSoFar();
    const ends = { md5: md5Base64, crc32c: crc32cBase64 };
    const session = await this.#inTurn(() => this.#record(this.#position, this.#digest, ends));
    if (session === null) throw new SupersededError("complete changed no row");
    return session;
  }

  /** Whether a record would move the offset. */
  get hasNewUnits(): boolean {
    return this.#unit.offset > this.#recorded;
  }

  /**
   * The end, whatever came before; safe to call twice. Rejects when what was not recorded could not be removed:
   * reconcile will.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#failure ??= new Error("the intake is closed");
    try {
      await this.#turn;
      await this.#segment?.close();
      await this.#removeUnrecorded();
    } finally {
      this.#share.leave();
    }
  }

  /** Of its own segment alone, and never what a record lists. */
  async #removeUnrecorded(): Promise<void> {
    const { id, writerEpoch } = this.#session;
    if (this.#inDoubt) {
      const session = await this.#deps.catalogue.run(readSession, { id, teamId: null });
      this.#listedBytes = session?.segments.find((segment) => segment.epoch === writerEpoch)?.bytes ?? 0;
    }
    if (this.#segment !== null && this.#writtenBytes > this.#listedBytes)
      await this.#deps.blobs.cutSegment(id, writerEpoch, this.#listedBytes);
  }

  #take(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      const piece = rest.subarray(0, UNIT - (this.#position % UNIT));
      rest = rest.subarray(piece.length);
      this.#digest = this.#deps.digests.update(this.#digest, piece);
      this.#position += piece.length;
      this.#gathered.push(piece);
      this.#gatheredBytes += piece.length;
      if (this.#position % UNIT === 0) this.#unit = { offset: this.#position, digest: this.#digest };
    }
  }

  async #append(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const pieces = this.#gathered;
    const bytes = this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#segment ??= await this.#begin();
    // Before it is tried: what fails may have reached the disk in part.
    this.#writtenBytes += bytes;
    this.#share.wrote(bytes);
    await this.#segment.append(pieces);
  }

  async #begin(): Promise<SegmentWriter> {
    const { id, writerEpoch, segments } = this.#session;
    await this.#share.turn();
    // What an earlier writer could not remove, or a process that died. It can be recorded no more: the epoch is ours.
    const listed = new Set(segments.map((segment) => segment.epoch));
    if (writerEpoch - 1 > listed.size)
      await this.#deps.blobs.removeSegments(id, (epoch) => epoch < writerEpoch && !listed.has(epoch));
    return this.#deps.blobs.beginSegment(id, writerEpoch);
  }

  /** null: there was nothing new to record. */
  async #record(
    offset: number,
    digest: DigestState,
    digests: { readonly md5: string; readonly crc32c: string } | null,
  ): Promise<Session | null> {
    if (offset <= this.#recorded && digests === null) return null;
    await this.#append();
    await this.#segment?.sync();
    const written = offset - this.#session.receivedBytes;
    const own: readonly SegmentRef[] = written > 0 ? [{ epoch: this.#session.writerEpoch, bytes: written }] : [];
    const listedBefore = this.#listedBytes;
    this.#listedBytes = Math.max(0, written);
    this.#inDoubt = true;
    const session = await this.#deps.catalogue.run(recordProgress, {
      id: this.#session.id,
      epoch: this.#session.writerEpoch,
      receivedBytes: Math.max(offset, this.#session.receivedBytes),
      segments: [...this.#session.segments, ...own],
      digestState: this.#deps.digests.encode(digest),
      digests,
    });
    this.#inDoubt = false;
    if (session === null) {
      this.#listedBytes = listedBefore;
      throw new SupersededError("the record changed no row");
    }
    this.#share.recorded(this.#listedBytes - listedBefore);
    this.#recorded = offset;
    return session;
  }

  /** One thing at a time; after a failure nothing more is tried: a failed fsync is never retried. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#failure !== null) throw this.#failure;
      return work();
    });
    this.#turn = turn.catch((error: unknown) => {
      this.#failure ??= error;
    });
    return turn;
  }
}

/** Where a request's body lies in the object: [first, end). */
interface Body {
  readonly first: number;
  readonly end: number;
}

/**
 * The saved state, or, when there is none or another version wrote it, the state computed again from the kept segments.
 */
export async function digestAtOffset(deps: DigestDeps, session: Session): Promise<DigestState> {
  if (session.receivedBytes === 0) return deps.digests.empty();
  const saved = session.digestState === null ? null : deps.digests.decode(session.digestState);
  if (saved !== null) return saved;
  let state = deps.digests.empty();
  let bytes = 0;
  for await (const chunk of deps.blobs.readSegments(session.id, session.segments)) {
    state = deps.digests.update(state, chunk);
    bytes += chunk.length;
  }
  if (bytes !== session.receivedBytes)
    throw new BlobStoreError("damaged", "the kept segments are not as long as recorded");
  return state;
}
