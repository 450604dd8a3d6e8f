import { type BlobStore, BlobStoreError, type SegmentRef, type SegmentWriter } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import type { DigestEngine, DigestState } from "./digests.ts";
import { recordProgress } from "./session.store.ts";
import type { Session } from "./session.ts";

export interface IntakeDeps {
  readonly blobs: BlobStore;
  readonly catalogue: Catalogue;
  readonly digests: DigestEngine;
}

/** Appended to the segment in pieces of about this size: one is written while the next one gathers. */
const APPEND_BYTES = 128 * 1024;
const UNIT = LIMITS.uploadUnitBytes;

/** A newer data request has the session, or the session ended: nothing more of this one counts. */
export class SupersededError extends Error {
  override readonly name = "SupersededError";
}

/**
 * What one data request writes: a segment under its own epoch. Bytes are hashed as they come, appended, and count only once `record`
 * has fsynced them and moved the session's offset. Calls may overlap (the body and the timer): they take turns inside.
 */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #session: Session;
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
  /** The turn that is under way; never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  #failure: unknown = null;

  private constructor(deps: IntakeDeps, session: Session, first: number, digest: DigestState) {
    this.#deps = deps;
    this.#session = session;
    this.#position = first;
    this.#digest = digest;
    this.#unit = { offset: session.receivedBytes, digest };
    this.#recorded = session.receivedBytes;
  }

  /** `session` as taking the epoch returned it; `first` at or below its offset: the known part is skipped (PUT-5). */
  static async start(deps: IntakeDeps, session: Session, first: number): Promise<Intake> {
    return new Intake(deps, session, first, await digestAtOffset(deps, session));
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

  async close(): Promise<void> {
    await this.#turn;
    await this.#segment?.close();
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
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#segment ??= await this.#deps.blobs.beginSegment(this.#session.id, this.#session.writerEpoch);
    await this.#segment.append(pieces);
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
    const session = await this.#deps.catalogue.run(recordProgress, {
      id: this.#session.id,
      epoch: this.#session.writerEpoch,
      receivedBytes: Math.max(offset, this.#session.receivedBytes),
      segments: [...this.#session.segments, ...own],
      digestState: this.#deps.digests.encode(digest),
      digests,
    });
    if (session === null) throw new SupersededError("the record changed no row");
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

/** The saved state, or, when there is none or another version wrote it, the state computed again from the kept segments. */
export async function digestAtOffset(deps: IntakeDeps, session: Session): Promise<DigestState> {
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
