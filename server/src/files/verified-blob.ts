import { createHash, hash } from "node:crypto";
import type { BlobKey, BlobStore } from "../blobs/blob-store.ts";

/**
 * Reads originals so that no damaged byte leaves the server (contract §7 `content`).
 *
 * - **piece**: 256 KiB of a blob, the last one shorter. What one reader holds in memory.
 * - **piece digests**: SHA-256 of each piece, taken while the whole blob was being compared with its own SHA-256. They are as good as
 *   that comparison for every later read, and let a read check the pieces it touches instead of all 25 MB.
 *
 * A viewer that asks for hundreds of small ranges would otherwise hash 25 MB (25 ms) for each. Rejected: remembering "verified a minute
 * ago", which serves bytes that were damaged since. Here each piece is hashed twice in every request: before the first byte of the answer,
 * so that damage is an error and no cut transfer; and again as it is sent, so that damage in between (a slow reader takes minutes) cuts
 * the transfer instead of passing through.
 */
export class VerifiedBlobs {
  readonly #blobs: BlobStore;
  readonly #remembered: number;
  /** By key, oldest use first. Blobs are immutable, so an entry is never wrong; 100 pieces of 32 bytes for 25 MB. */
  readonly #digests = new Map<BlobKey, PieceDigests>();
  /** Under way, for all who ask meanwhile: fifty readers of a file that nobody has read before would each hash all of it. */
  readonly #digesting = new Map<BlobKey, Promise<PieceDigests>>();

  constructor(blobs: BlobStore, options: { readonly remembered: number }) {
    this.#blobs = blobs;
    this.#remembered = options.remembered;
  }

  /**
   * Checks every piece that holds bytes of [start, end), then resolves to those bytes as a stream that checks them again.
   * Rejects with BlobDamagedError, or BlobStoreError (`missing`, `damaged`, `unavailable`); the stream may fail with the same.
   */
  async open(blob: VerifiableBlob, range: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const known = this.#digests.get(blob.key);
    const digests = known ?? (await this.#digestOnce(blob));
    this.#remember(blob.key, digests);
    if (known !== undefined) for await (const _piece of this.#checked(blob, digests, range));
    return this.#cut(blob, digests, range);
  }

  #digestOnce(blob: VerifiableBlob): Promise<PieceDigests> {
    const running = this.#digesting.get(blob.key);
    if (running !== undefined) return running;
    const digesting = this.#digestWhole(blob).finally(() => this.#digesting.delete(blob.key));
    this.#digesting.set(blob.key, digesting);
    return digesting;
  }

  async #digestWhole(blob: VerifiableBlob): Promise<PieceDigests> {
    const whole = createHash("sha256");
    const digests: Buffer[] = [];
    let bytes = 0;
    for await (const piece of piecesOf(this.#blobs.read(blob.key))) {
      whole.update(piece);
      digests.push(hash("sha256", piece, "buffer"));
      bytes += piece.byteLength;
    }
    if (bytes !== blob.sizeBytes) throw new BlobDamagedError(`it has ${bytes} bytes, not ${blob.sizeBytes}`);
    if (whole.digest("hex") !== blob.sha256) throw new BlobDamagedError("its SHA-256 is another");
    return Buffer.concat(digests);
  }

  /** The pieces that hold [start, end), each compared with its digest before it is handed on. */
  async *#checked(blob: VerifiableBlob, digests: PieceDigests, range: ByteRange): AsyncGenerator<Uint8Array> {
    const first = Math.floor(range.start / PIECE_BYTES);
    const whole = {
      start: first * PIECE_BYTES,
      end: Math.min(Math.ceil(range.end / PIECE_BYTES) * PIECE_BYTES, blob.sizeBytes),
    };
    let index = first;
    for await (const piece of piecesOf(this.#blobs.read(blob.key, whole))) {
      const expected = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
      if (!hash("sha256", piece, "buffer").equals(expected)) throw new BlobDamagedError(`piece ${index} has changed`);
      yield piece;
      index += 1;
    }
  }

  async *#cut(blob: VerifiableBlob, digests: PieceDigests, range: ByteRange): AsyncGenerator<Uint8Array> {
    let at = Math.floor(range.start / PIECE_BYTES) * PIECE_BYTES;
    for await (const piece of this.#checked(blob, digests, range)) {
      yield piece.subarray(Math.max(0, range.start - at), Math.min(piece.byteLength, range.end - at));
      at += piece.byteLength;
    }
  }

  #remember(key: BlobKey, digests: PieceDigests): void {
    this.#digests.delete(key);
    this.#digests.set(key, digests);
    const [oldest] = this.#digests.keys();
    if (this.#digests.size > this.#remembered && oldest !== undefined) this.#digests.delete(oldest);
  }
}

export interface VerifiableBlob {
  readonly key: BlobKey;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
}

/** Bytes [start, end), not empty, within the blob. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The stored bytes are no longer those that were acknowledged. */
export class BlobDamagedError extends Error {
  override readonly name = "BlobDamagedError";
}

/** SHA-256 of piece 0, 1, 2 …, one after another. */
type PieceDigests = Buffer;

const PIECE_BYTES = 256 * 1024;
const DIGEST_BYTES = 32;

/** The same bytes in pieces. A store whose chunks are pieces already is passed through without a copy. */
async function* piecesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let rest = chunk;
    while (bytes + rest.byteLength >= PIECE_BYTES) {
      const missing = PIECE_BYTES - bytes;
      yield joined([...held, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      held = [];
      bytes = 0;
    }
    if (rest.byteLength > 0) held.push(rest);
    bytes += rest.byteLength;
  }
  if (bytes > 0) yield joined(held);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
