import { createHash } from "node:crypto";
import { type BlobKey, type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { originalKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted, WharfError } from "../errors.ts";
import type { Turns } from "../fairness/turns.ts";
import type { FileId, IdSource, SessionId, TaskId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { DigestEngine } from "./embedded/digests.ts";
import { digestAtOffset } from "./embedded/intake.ts";
import { finalizeSession } from "./finalize.store.ts";
import { dropBytes, readSession, recordProgress } from "./session.store.ts";
import { isExpired, type Session } from "./session.ts";

export interface FinalizeDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly digests: DigestEngine;
  /** Reading a large object back takes its team's turn: it may be asked for again and again, with a wrong digest. */
  readonly hashings: Turns;
  readonly ids: IdSource;
  readonly clock: { now(): number };
  readonly log: Log;
}

/** What the client wants checked; lower-case hexadecimal, and base64 of 4 big-endian bytes (FIN-5). */
export interface ExpectedDigests {
  readonly sha256: string | null;
  readonly crc32c: string | null;
}

export interface Finalized {
  readonly fileId: FileId;
  readonly taskId: TaskId;
}

/** Hashes of the bytes as they were read back. */
interface ReadBack {
  readonly sha256: string;
  readonly crc32c: string;
}

/**
 * Finalize: bytes re-read and hashed, published as a blob, then file + task + session in one transaction (FIN-1 … FIN-6). No lock spans
 * the I/O: the transaction's condition decides, and whoever changes no row answers from the row that it finds. Repeating it, also
 * 50 times at once, makes one file; taking turns within the process only saves reading the same bytes 50 times.
 */
export class Finalizer {
  readonly #deps: FinalizeDeps;
  /** Finalizes under way in this process; they never reject. */
  readonly #running = new Map<SessionId, Promise<void>>();

  constructor(deps: FinalizeDeps) {
    this.#deps = deps;
  }

  /** `gone`: aborted when nobody waits for the answer; then what has not begun is not done. */
  async finalize(
    teamId: TeamId,
    id: SessionId,
    expected: ExpectedDigests,
    gone = new AbortController().signal,
  ): Promise<Finalized> {
    // Each round answers or has seen the session change under it; three changes within one finalize are a storm, not a state.
    for (let round = 0; round < 3; round++) {
      const done = await this.#inTurn(id, async () => {
        const session = await this.#deps.catalogue.run(readSession, { id, teamId });
        return this.#attempt(session, expected, gone);
      });
      if (done !== null) return done;
    }
    throw new WharfError("upload_incomplete", {
      message: "The upload is still being written. Wait until the PUT has answered, then finalize again.",
    });
  }

  /** One after another for each session: the second finds what the first made. */
  async #inTurn<T>(id: SessionId, work: () => Promise<T>): Promise<T> {
    const before = this.#running.get(id);
    const result = before === undefined ? work() : before.then(work);
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#running.set(id, ended);
    try {
      return await result;
    } finally {
      if (this.#running.get(id) === ended) this.#running.delete(id);
    }
  }

  /** null: the session changed meanwhile; read it again. */
  async #attempt(session: Session | null, expected: ExpectedDigests, gone: AbortSignal): Promise<Finalized | null> {
    if (session === null) throw new WharfError("session_not_found");
    if (session.state === "finalized") return repeated(session, expected);
    if (session.state === "cancelled") throw new WharfError("session_cancelled");
    if (isExpired(session, this.#deps.clock.now())) throw new WharfError("session_expired");
    if (session.receivedBytes < session.sizeBytes) throw incomplete(session);
    if (session.state === "open") return this.#whileThere(session, () => this.#close(session));

    const found = await this.#whileThere(session, () => this.#hashInTurn(session, gone));
    if (found === null) return null;
    if (found.crc32c !== session.crc32c) return this.#dropDamaged(session);
    checkExpected(session, found, expected);
    const key = originalKey(session.id, found.sha256);
    const published = await this.#whileThere(session, async () => {
      // Also when the blob is there already: an earlier finalize may have failed between its name and the sync of that name.
      await this.#deps.blobs.publish(session.id, session.segments, key);
      return true;
    });
    if (published === null) return null;

    const result = accepted(
      await this.#deps.catalogue.run(finalizeSession, {
        teamId: session.teamId,
        id: session.id,
        epoch: session.writerEpoch,
        sha256: found.sha256,
        blobKey: key,
        fileId: this.#deps.ids.next("file"),
        taskId: this.#deps.ids.next("task"),
      }),
    );
    if (result.session === null) {
      await this.#withdraw(session, key);
      return null;
    }
    // The blob holds the bytes now. What this leaves behind when it fails, reconcile removes.
    this.#deps.blobs.removeSegments(session.id).catch((error: unknown) => {
      this.#deps.log.warn(
        { session_id: session.id, err: error },
        "segments of a finalized session are left for maintenance",
      );
    });
    return finalizedOf(result.session);
  }

  /** FIN-3: a session that holds all its bytes is complete, even when no request said that it was the last. */
  async #close(session: Session): Promise<null> {
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
    return null;
  }

  /**
   * Work on the stored bytes. Between any two steps of it a cancel, an expiry or another finalize may end the session and take them
   * away: then null. Bytes that nobody took are lost or damaged, and dropped.
   */
  async #whileThere<T>(session: Session, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BlobStoreError) || error.failure === "unavailable" || error.failure === "full")
        throw error;
      const now = await this.#now(session);
      const same = now !== null && now.state === session.state && now.writerEpoch === session.writerEpoch;
      return same ? this.#dropDamaged(session) : null;
    }
  }

  /** A blob that was published for a session which was ended meanwhile: it can become no file any more. */
  async #withdraw(session: Session, key: BlobKey): Promise<void> {
    const now = await this.#now(session);
    if (now === null || now.state === "cancelled" || now.state === "expired") await this.#deps.blobs.remove(key);
  }

  #now({ id, teamId }: Session): Promise<Session | null> {
    return this.#deps.catalogue.run(readSession, { id, teamId });
  }

  #hashInTurn(session: Session, gone: AbortSignal): Promise<ReadBack> {
    if (session.sizeBytes <= LIMITS.hashedInTurnBytes) return this.#hash(session);
    return this.#deps.hashings.run({ teamId: session.teamId, keyId: null }, gone, () => this.#hash(session));
  }

  async #hash(session: Session): Promise<ReadBack> {
    const { blobs, digests } = this.#deps;
    const sha256 = createHash("sha256");
    const crc32c = digests.crc32cAlone();
    for await (const chunk of blobs.readSegments(session.id, session.segments)) {
      sha256.update(chunk);
      crc32c.update(chunk);
    }
    return { sha256: sha256.digest("hex"), crc32c: crc32c.base64() };
  }

  /** FIN-5: the bytes changed on our disk. They are dropped and the session is open again; the client sends them once more. */
  async #dropDamaged(session: Session): Promise<null> {
    const { catalogue, blobs, log } = this.#deps;
    log.error({ session_id: session.id, team_id: session.teamId }, "stored upload bytes are damaged: dropped");
    const dropped = await catalogue.run(dropBytes, { id: session.id, epoch: session.writerEpoch });
    if (!dropped) return null;
    await blobs.removeSegments(session.id, (epoch) => epoch <= session.writerEpoch);
    throw new WharfError("integrity_error", {
      message:
        "The stored bytes changed on the server's disk and were dropped. PUT the file to upload_url again, from byte 0, then finalize.",
      details: { session_id: session.id, received_bytes: 0 },
    });
  }
}

/** FIN-2. A deleted file's digests are forgotten: then there is nothing to compare, and nothing to name. */
function repeated(session: Session, expected: ExpectedDigests): Finalized {
  if (session.sha256 !== null && session.crc32c !== null)
    checkExpected(session, { sha256: session.sha256, crc32c: session.crc32c }, expected);
  return finalizedOf(session);
}

function finalizedOf(session: Session): Finalized {
  // The CHECK of a finalized row: both ids are there.
  if (session.fileId === null || session.taskId === null) throw new Error(`${session.id} is finalized without a file`);
  return { fileId: session.fileId, taskId: session.taskId };
}

function checkExpected(session: Session, found: ReadBack, expected: ExpectedDigests): void {
  const wrong = (["sha256", "crc32c"] as const).find(
    (kind) => expected[kind] !== null && expected[kind] !== found[kind],
  );
  if (wrong === undefined) return;
  throw new WharfError("checksum_mismatch", {
    message: `The stored bytes have ${wrong} ${found[wrong]}. If the file was damaged on its way, give the upload up with DELETE /v1/knowledge/files/upload-session/${session.id}, then create a session and send it again.`,
    details: { field: wrong, actual: found[wrong], session_id: session.id },
  });
}

function incomplete(session: Session): WharfError {
  return new WharfError("upload_incomplete", {
    message: `${session.receivedBytes} of ${session.sizeBytes} bytes are here. PUT the rest to upload_url, then finalize again.`,
    details: { received_bytes: session.receivedBytes, size_bytes: session.sizeBytes },
  });
}
