import type { BlobKey } from "../blobs/blob-store.ts";
import type { SessionId, TeamId } from "../ids.ts";
import type { Session } from "./session.ts";

/**
 * Where an upload's bytes arrive: one port for our own byte end-point, with segments on disk behind it (`embedded/`),
 * and for a bucket store to whose URL clients PUT, so that the bytes never pass through us. Nothing above it knows
 * which one it is.
 *
 * - **arrival**: what came for one upload session and is no original yet.
 * - **seal**: to make an immutable original of a whole arrival, under the key of its sha256.
 *
 * Who may send or finalize is the session row's to say. The caller guarantees that the row is committed before it asks
 * for a URL, that `session` is the row as the catalogue had it just now, and that the end of a session is committed
 * before its arrival is discarded. A method may ask another machine; it rejects with BlobStoreError, and trying it
 * again is always safe.
 */
export interface Arrivals {
  /**
   * The URL that the session's bytes are PUT to: a capability by itself, never logged. Asked again it is the same one
   * or another, and works (IDE-2); bytes that came by an earlier one may have to be sent again.
   */
  urlFor(session: Session): Promise<UploadUrl>;

  /** How much has arrived durably, counted from the first byte. Changes nothing, however often it is asked. */
  received(session: Session): Promise<Received>;

  /**
   * Reads a whole arrival back, compares it with what was recorded of it as it came, has `check` judge it, and
   * publishes it as the original of its sha256. What `check` throws passes through, and nothing is published. The
   * arrival stays until `discard`: a crash at any point leaves something to go on from, and sealing again, also at the
   * same time, makes the same original. Whatever is PUT from now on changes nothing of it.
   */
  seal(session: Session, options: SealOptions): Promise<Sealing>;

  /**
   * Takes in bytes that come with the request that creates and finalizes them (CON-2), for a session that has no row
   * yet, and seals them: durable, read back, compared and published. `content` has at least one byte; what it throws
   * passes through, and nothing is published. Nobody else knows of the session, `busy` names it until `discard`, and
   * the caller discards it whatever comes of it.
   */
  takeIn(upload: NewUpload, content: AsyncIterable<Uint8Array>, gone: AbortSignal): Promise<TakenIn>;

  /**
   * Takes away whatever arrived and ends whoever still sends; nothing that is PUT later stays. Done when there is
   * nothing. A sealed original is no arrival any more, and stays.
   */
  discard(session: SessionId): Promise<void>;

  /**
   * A page of what lies there, after `after` (a page's `next`; null = from the beginning): finds, and with `repair`
   * removes, what no session can ever need, such as what a crash left behind or what was PUT after an end. For
   * maintenance and doctor.
   */
  tidy(after: string | null, options: TidyOptions): Promise<Tidied>;

  /**
   * Sessions that this process receives bytes of just now: they do not expire meanwhile, and what lies there of them
   * is no garbage. Where bytes do not pass through it, those of `takeIn` alone.
   */
  busy(): readonly SessionId[];
}

export interface NewUpload {
  readonly id: SessionId;
  readonly teamId: TeamId;
  /** How much room it may need. */
  readonly mostBytes: number;
}

export interface TakenIn {
  readonly key: BlobKey;
  readonly sizeBytes: number;
  readonly digests: ArrivedDigests;
}

export interface UploadUrl {
  /** Absolute. */
  readonly url: string;
  /** Epoch ms; null: it works for as long as the session's row says. */
  readonly expiresAt: number | null;
}

export interface Received {
  readonly bytes: number;
  /** All of them, and no request has to say so any more. */
  readonly complete: boolean;
}

/**
 * Sha256 and md5 in hexadecimal and base64, crc32c in base64 of 4 big-endian bytes. A store that keeps some of them for
 * nothing (our end-point: md5 and crc32c; Google's: crc32c always, md5 mostly; none: sha256) still computes all by
 * reading, and compares.
 */
export interface ArrivedDigests {
  readonly sha256: string;
  readonly md5: string;
  readonly crc32c: string;
}

export interface SealOptions {
  readonly check: (found: ArrivedDigests) => void;
  /** Aborted when nobody waits for the answer; then what has not begun need not be done (ClientGoneError). */
  readonly gone: AbortSignal;
}

export type Sealing =
  /** The original is durable, and the session's row says `received`, with the digests. */
  | { readonly kind: "sealed"; readonly key: BlobKey; readonly digests: ArrivedDigests; readonly fence: Fence }
  | { readonly kind: "incomplete"; readonly receivedBytes: number }
  /**
   * What arrived changed or was lost where it lay. It is gone, and the session takes its bytes again, from the first.
   */
  | { readonly kind: "damaged" }
  /** Another request or an end came between: the caller reads the row again and answers from that. */
  | { readonly kind: "changed" };

/**
 * What the transaction that makes the file demands of the session's row, besides its state: a writer that took over
 * since, or bytes that were dropped and sent again, make it change nothing.
 */
export interface Fence {
  readonly writerEpoch: number;
}

export interface TidyOptions {
  /** Since when nobody but this process can have written there, ms; null: others may. */
  readonly heldMs: number | null;
  /** False only reports. */
  readonly repair: boolean;
}

export interface Tidied {
  readonly looked: number;
  readonly garbage: number;
  /** Whole arrivals, or parts of them, that went on behind their record. */
  readonly tails: number;
  readonly garbageBytes: number;
  /** Why some of it could not be removed. It stays for the next round, and holds up nothing else. */
  readonly failures: readonly unknown[];
  readonly next: string | null;
}
