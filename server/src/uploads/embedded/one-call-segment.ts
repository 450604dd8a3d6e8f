import type { SegmentRef, SegmentStore } from "../../blobs/blob-store.ts";
import type { SessionId } from "../../ids.ts";
import type { DigestEngine } from "./digests.ts";
import type { Share } from "./unrecorded.ts";

/** No data request has it: they begin with 1. */
const EPOCH = 0;
/** Appended in pieces of about this size: one is written while the next one gathers. */
const APPEND_BYTES = 128 * 1024;

export interface WrittenSegment {
  readonly segment: SegmentRef;
  readonly md5: string;
  readonly crc32c: string;
}

/**
 * All that comes, as one durable segment of a session that nobody else writes: there are no offsets to record, and
 * nothing of it counts before its end. (A data request, which may be cut and taken over, is intake.ts.) What
 * `content` throws passes through; the caller discards the session.
 */
export async function writeSegment(
  { blobs, digests }: { readonly blobs: SegmentStore; readonly digests: DigestEngine },
  session: SessionId,
  content: AsyncIterable<Uint8Array>,
  share: Share,
): Promise<WrittenSegment> {
  const writer = await blobs.beginSegment(session, EPOCH);
  let [state, bytes, gatheredBytes] = [digests.empty(), 0, 0];
  let gathered: Uint8Array[] = [];
  let writing = Promise.resolve();
  const append = async () => {
    await writing;
    share.wrote(gatheredBytes);
    writing = writer.append(gathered);
    // Who waits for it is the next piece.
    writing.catch(() => {});
    [gathered, gatheredBytes] = [[], 0];
  };
  try {
    for await (const chunk of content) {
      state = digests.update(state, chunk);
      bytes += chunk.length;
      gatheredBytes += chunk.length;
      gathered.push(chunk);
      if (gatheredBytes >= APPEND_BYTES) await append();
    }
    await append();
    await writing;
    await writer.sync();
  } finally {
    await writing.catch(() => {});
    await writer.close();
  }
  const { md5Base64: md5, crc32cBase64: crc32c } = digests.finish(state);
  return { segment: { epoch: EPOCH, bytes }, md5, crc32c };
}
