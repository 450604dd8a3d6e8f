import { createHash, hash } from "node:crypto";
import type { BlobKey, BlobStore } from "../blobs/blob-store.ts";
import type { Holder } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";

/**
 * Reads originals so that no damaged byte leaves the server (contract §7 `content`).
 *
 * - **piece**: 256 KiB of a blob, the last one shorter. What one reader holds in memory.
 * - **piece digests**: SHA-256 of each piece, taken while the whole blob was being compared with its own SHA-256.
 *   They are as good as that comparison for every later read, and let a read check the pieces it touches instead
 *   of all 25 MB.
 *
 * A viewer that asks for hundreds of small ranges would otherwise hash 25 MB (25 ms) for each. Rejected: remembering
 * "verified a minute ago", which serves bytes that were damaged since. Here each piece is hashed twice in every
 * request: before the first byte of the answer, so that damage is an error and no cut transfer; and again as it is
 * sent, so that damage in between (a slow reader takes minutes) cuts the transfer instead of passing through.
 *
 * Pieces are read and hashed in turns, team by team. Two hundred downloads that begin at once would otherwise each have
 * a piece hashed in one round of the event loop, and every other request waits for several such rounds.
 */
export class VerifiedBlobs {
  readonly #blobs: BlobStore;
  readonly #remembered: number;
  readonly #turns: Turns;
  /** Of what goes on whoever leaves: a stream that nobody reads is closed instead. */
  readonly #stays = new AbortController().signal;
  /** By key, oldest use first. Blobs are immutable, so an entry is never wrong; 100 pieces of 32 bytes for 25 MB. */
  readonly #digests = new Map<BlobKey, PieceDigests>();
  /**
   * Under way, for all who ask meanwhile: fifty readers of a file that nobody has read before would each
   * hash all of it.
   */
  readonly #digesting = new Map<BlobKey, Promise<PieceDigests>>();

  constructor(blobs: BlobStore, options: { readonly remembered: number; readonly turns: Turns }) {
    this.#blobs = blobs;
    this.#remembered = options.remembered;
    this.#turns = options.turns;
  }

  /**
   * Checks every piece that holds bytes of [start, end), then resolves to those bytes as a stream that checks them
   * again. Rejects with BlobDamagedError, BlobStoreError (`missing`, `damaged`, `unavailable`), or ClientGoneError
   * while it checks; the stream may fail with the first two.
   */
  async open(blob: VerifiableBlob, range: ByteRange, reader: BlobReader): Promise<AsyncIterable<Uint8Array>> {
    const { by, gone } = reader;
    const known = this.#digests.get(blob.key);
    const digests = known ?? (await this.#digestOnce(blob, by));
    this.#remember(blob.key, digests);
    if (known !== undefined)
      for await (const _piece of this.#inTurns(this.#checked(blob, digests, range), { by, gone }));
    return this.#inTurns(this.#cut(blob, digests, range), { by, gone: this.#stays });
  }

  /** Each step of `pieces`, which is the reading and hashing of one, at its reader's turn. */
  async *#inTurns<T>(pieces: AsyncGenerator<T>, { by, gone }: BlobReader): AsyncGenerator<T> {
    try {
      for (;;) {
        const { done, value } = await this.#turns.run(by, gone, () => pieces.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      await pieces.return(undefined);
    }
  }

  #digestOnce(blob: VerifiableBlob, by: Holder): Promise<PieceDigests> {
    const running = this.#digesting.get(blob.key);
    if (running !== undefined) return running;
    const digesting = this.#digestWhole(blob, by).finally(() => this.#digesting.delete(blob.key));
    this.#digesting.set(blob.key, digesting);
    return digesting;
  }

  /** For all who ask meanwhile, in the turns of the first of them: they are of one team, since the blob is. */
  async #digestWhole(blob: VerifiableBlob, by: Holder): Promise<PieceDigests> {
    const whole = createHash("sha256");
    const digests: Buffer[] = [];
    let bytes = 0;
    const hashed = (piece: Uint8Array) => {
      whole.update(piece);
      return { digest: hash("sha256", piece, "buffer"), byteLength: piece.byteLength };
    };
    const pieces = mapped(piecesOf(this.#blobs.read(blob.key)), hashed);
    for await (const { digest, byteLength } of this.#inTurns(pieces, { by, gone: this.#stays })) {
      digests.push(digest);
      bytes += byteLength;
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

/** Whose turns it reads in, and whether somebody still waits for it. */
export interface BlobReader {
  readonly by: Holder;
  readonly gone: AbortSignal;
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

async function* mapped<T, U>(values: AsyncIterable<T>, to: (value: T) => U): AsyncGenerator<U> {
  for await (const value of values) yield to(value);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}
