import { BlobStoreError, type SegmentRef } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { SessionId } from "../ids.ts";
import { endSession } from "../uploads/end-session.ts";
import { HashingStream } from "./hashing-stream.ts";
import type { BackupReport, Running } from "./running.ts";
import { type LiveSession, listLiveSessions, sessionOutcome } from "./store.ts";

const PAGE = 200;

/**
 * The bytes that were acknowledged to uploads which were not finished at the snapshot. Copied, never linked: a
 * segment's file may still grow.
 *
 * Finalize removes segments as soon as the original is published. A session that was finalized since gets its segments
 * back out of its original, which is made of exactly those bytes. One that was cancelled or expired since is cancelled
 * in the backup too.
 */
export async function backUpSessions(run: Running, report: BackupReport): Promise<void> {
  // The list first: ending one in the backup takes it out of what is being listed.
  const ended: SessionId[] = [];
  for (let after: LiveSession | null = null, more = true; more; ) {
    const page: readonly LiveSession[] = await run.snapshot.run(listLiveSessions, { after, limit: PAGE });
    for (const session of page) {
      run.signal.throwIfAborted();
      if (!(await keepSegments(run, session, report))) ended.push(session.id);
    }
    after = page.at(-1) ?? null;
    more = page.length === PAGE;
  }
  for (const id of ended) await endSession(run.snapshot, id);
}

/** False: the session is over, and its bytes are gone. */
async function keepSegments(run: Running, session: LiveSession, report: BackupReport): Promise<boolean> {
  let start = 0;
  for (const segment of session.segments) {
    const kept =
      (await keepSegment(run, session, segment, () => run.live.blobs.readSegments(session.id, [segment]), report)) ||
      (await keepFromOriginal(run, session, segment, start, report));
    if (!kept) return isLost(run, session, report);
    start += segment.bytes;
  }
  return true;
}

/** False: the bytes are not there. */
async function keepSegment(
  { target, contents }: Running,
  { id }: LiveSession,
  { epoch, bytes }: SegmentRef,
  open: () => AsyncIterable<Uint8Array>,
  report: BackupReport,
): Promise<boolean> {
  // What an attempt before this one began; an epoch is written once.
  await target.blobs.removeSegments(id, (other) => other === epoch);
  const writer = await target.blobs.beginSegment(id, epoch);
  try {
    const hashing = new HashingStream(open());
    for await (const chunk of hashing.stream()) await writer.append([chunk]);
    await writer.sync();
    await contents.add({ kind: "segment", session: id, epoch, ...hashing.result() });
  } catch (error) {
    if (!(error instanceof BlobStoreError) || (error.failure !== "missing" && error.failure !== "damaged")) throw error;
    return false;
  } finally {
    await writer.close();
  }
  report.segments += 1;
  report.bytes += bytes;
  return true;
}

async function keepFromOriginal(
  run: Running,
  session: LiveSession,
  segment: SegmentRef,
  start: number,
  report: BackupReport,
): Promise<boolean> {
  const outcome = await run.live.catalogue.run(sessionOutcome, { id: session.id });
  if (outcome === null || outcome.blobKey === null) return false;
  const key = storedKey(outcome.blobKey);
  const range = { start, end: start + segment.bytes };
  return keepSegment(run, session, segment, () => run.live.blobs.read(key, range), report);
}

/** True: the session goes on, so its bytes should be there. */
async function isLost(run: Running, { id }: LiveSession, report: BackupReport): Promise<boolean> {
  await run.target.blobs.removeSegments(id);
  const outcome = await run.live.catalogue.run(sessionOutcome, { id });
  const goesOn = outcome?.state === "open" || outcome?.state === "received";
  if (goesOn) report.lost.push(`segments/${id}`);
  else report.endedMeanwhile += 1;
  return goesOn;
}
