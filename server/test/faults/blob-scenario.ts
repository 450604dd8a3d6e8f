import { createHash } from "node:crypto";
import { appendFileSync, writeSync } from "node:fs";
import { BlobStoreError, type SegmentedStore, type SegmentRef } from "../../src/blobs/blob-store.ts";
import { openFsBlobStore } from "../../src/blobs/fs.ts";
import { originalKey, textKey } from "../../src/blobs/keys.ts";
import { brandId, type SessionId } from "../../src/ids.ts";

/**
 * The bytes' side of a file's life, as the server lives it: segments, publish, text, removal. It writes one line for
 * each thing that the store has promised. `blob-faults.test.ts` runs it as a process on a failing file system and holds
 * it to its word:
 *
 *     node blob-scenario.ts <root> <first epoch> <log of the fault shim>
 */

const IN_PARTS: SessionId = brandId("sess", "sess_0000000001partsxxxxxxxxxxx");
const IN_ONE: SessionId = brandId("sess", "sess_0000000001wholexxxxxxxxxxx");

export const SESSIONS: readonly SessionId[] = [IN_PARTS, IN_ONE];

/** Content that differs at every place, so that a shifted or swapped block shows. */
function content(seed: number, bytes: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (seed * 131 + i * 7 + (i >>> 8) * 13) & 255));
}

const PARTS: readonly Buffer[] = [content(1, 30_000), content(2, 20_000)];
const WHOLE = content(3, 25_000);
const UNRECORDED = content(6, 7_000);
const PAGES: readonly Buffer[] = [content(4, 9_000), content(5, 4_000)];

const PARTS_KEY = originalKey(IN_PARTS, sha256(Buffer.concat(PARTS)));
const WHOLE_KEY = originalKey(IN_ONE, sha256(WHOLE));
const TEXT_KEY = textKey(brandId("file", "file_0000000001textxxxxxxxxxxxx"), "task_1_1");
const OLD_TEXT_KEY = textKey(brandId("file", "file_0000000001textxxxxxxxxxxxx"), "task_1_0");

/** What each key must hold as soon as anything is visible under it. */
export const BLOBS = new Map([
  [PARTS_KEY, Buffer.concat(PARTS)],
  [WHOLE_KEY, WHOLE],
  [TEXT_KEY, Buffer.concat(PAGES)],
  [OLD_TEXT_KEY, Buffer.concat(PAGES)],
]);

/** Bytes of a session's part: what its segments must hold, from the first byte on. */
export function partOf(session: string, part: number): Buffer {
  return session === IN_ONE ? WHOLE : (PARTS[part] ?? Buffer.alloc(0));
}

/**
 * One promise, as a line: `segment <session> <part> <epoch> <bytes>`, `blob <key>`, `removed <key>`,
 * `dropped <session>`.
 */
export type Promised = (line: string) => void;

export async function runScenario(store: SegmentedStore, firstEpoch: number, promised: Promised): Promise<void> {
  let epoch = firstEpoch;
  const upload = (session: SessionId, part: number) =>
    untilDone(() => writePart(store, session, part, epoch++, promised));
  const parts: SegmentRef[] = [await upload(IN_PARTS, 0), await upload(IN_PARTS, 1)];
  await untilDone(() => store.publish(IN_PARTS, parts, PARTS_KEY));
  promised(`blob ${PARTS_KEY}`);
  const whole = [await upload(IN_ONE, 0)];
  await untilDone(() => store.publish(IN_ONE, whole, WHOLE_KEY));
  promised(`blob ${WHOLE_KEY}`);
  for (const key of [OLD_TEXT_KEY, TEXT_KEY]) {
    await untilDone(() => store.put(key, pages()));
    promised(`blob ${key}`);
  }
  for (const session of SESSIONS) {
    promised(`dropped ${session}`);
    await untilDone(() => store.removeSegments(session));
  }
  promised(`forget ${OLD_TEXT_KEY}`);
  await untilDone(() => store.remove(OLD_TEXT_KEY));
  promised(`removed ${OLD_TEXT_KEY}`);
}

async function writePart(store: SegmentedStore, session: SessionId, part: number, epoch: number, promised: Promised) {
  const bytes = partOf(session, part);
  const writer = await store.beginSegment(session, epoch);
  try {
    const half = bytes.length >> 1;
    await writer.append([bytes.subarray(0, 1000), bytes.subarray(1000, half)]);
    await writer.sync();
    promised(`segment ${session} ${part} ${epoch} ${half}`);
    await writer.append([bytes.subarray(half)]);
    await writer.sync();
    promised(`segment ${session} ${part} ${epoch} ${bytes.length}`);
    // The request goes on and is refused: what no record lists goes with it.
    await writer.append([UNRECORDED]);
  } finally {
    await writer.close();
  }
  await untilDone(() => store.cutSegment(session, epoch, bytes.length));
  return { epoch, bytes: bytes.length };
}

/** A client that meets an error of the store tries again: the fault happens once, so the second time must do. */
async function untilDone<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof BlobStoreError) || !["full", "unavailable"].includes(error.failure)) throw error;
    return step();
  }
}

async function* pages(): AsyncGenerator<Uint8Array> {
  yield* PAGES;
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

if (import.meta.main) {
  const [root, firstEpoch, log] = process.argv.slice(2);
  if (root === undefined || firstEpoch === undefined || log === undefined)
    throw new Error("usage: blob-scenario.ts <root> <first epoch> <log>");
  const store = await openFsBlobStore({ root });
  await runScenario(store, Number(firstEpoch), (line) => {
    writeSync(1, `${line}\n`);
    appendFileSync(log, `0 promise ${line}\n`);
  });
}
