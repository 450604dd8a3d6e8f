import { inflateRawSync } from "node:zlib";
import type { Entry } from "yauzl";

/** The record at the end of a ZIP's directory, without the comment behind it. */
const END = Buffer.from("PK\u0005\u0006", "latin1");
const END_BYTES = 22;

/**
 * The ZIP alone, when it does not end where its last record says: bytes behind it (a line end that a transfer added), a
 * comment cut off or of another length than it claims. Every other reader takes these files; yauzl wants the last byte
 * to be the comment's.
 */
export function withoutTail(bytes: Buffer): Buffer {
  for (let at = bytes.lastIndexOf(END); at > 0; at = bytes.lastIndexOf(END, at - 1)) {
    if (at + END_BYTES > bytes.length) continue;
    if (at + END_BYTES + bytes.readUInt16LE(at + 20) === bytes.length) return bytes;
    // Four bytes by chance, or the end of a ZIP within this one, are no record: its directory would stand right before
    // it.
    if (bytes.readUInt32LE(at + 12) + bytes.readUInt32LE(at + 16) !== at) continue;
    return Buffer.concat([bytes.subarray(0, at + 20), NO_COMMENT]);
  }
  return bytes;
}

const NO_COMMENT = Buffer.alloc(2);

/**
 * Unpacked sizes up to which a part is unpacked in one call. Longer ones are streamed: they need not be in memory as a
 * whole.
 */
const AT_ONCE_BYTES = 4 * 1024 * 1024;
/**
 * Unpacked in one piece up to this, and then in pieces of it: the default is 16 KiB, and the size that the entry claims
 * may be a lie.
 */
const PIECE_BYTES = 1024 * 1024;
/** Behind the last byte: without room there zlib asks for another piece. Less is no size of a piece. */
const SPARE_BYTES = 64;
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const DEFLATED = 8;

/**
 * A small part's bytes without a stream, which costs more than unpacking it: a Word file has ten parts, and reading it
 * takes half the time. Null for all others and for what is not in order: the library's stream then says what is wrong
 * with it.
 */
export function unpackedAtOnce(zip: Buffer, entry: Entry): Buffer | null {
  const { uncompressedSize, compressedSize, compressionMethod, relativeOffsetOfLocalHeader: header } = entry;
  if (compressionMethod !== DEFLATED || uncompressedSize === 0 || uncompressedSize > AT_ONCE_BYTES) return null;
  if (header + LOCAL_HEADER_BYTES > zip.length || zip.readUInt32LE(header) !== LOCAL_HEADER) return null;
  const start = header + LOCAL_HEADER_BYTES + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  if (start + compressedSize > zip.length) return null;
  try {
    const bytes = inflateRawSync(zip.subarray(start, start + compressedSize), {
      maxOutputLength: uncompressedSize,
      chunkSize: Math.min(uncompressedSize, PIECE_BYTES) + SPARE_BYTES,
    });
    return bytes.length === uncompressedSize ? bytes : null;
  } catch {
    return null;
  }
}
