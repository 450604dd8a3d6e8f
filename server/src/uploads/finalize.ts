import type { BlobKey, BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted, assertNever, WharfError } from "../errors.ts";
import type { FileId, IdSource, SessionId, TaskId, TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Arrivals, ArrivedDigests, Sealing } from "./arrivals.ts";
import { finalizeSession } from "./finalize.store.ts";
import { readSession } from "./session.store.ts";
import { isExpired, type Session } from "./session.ts";

export interface FinalizeDeps {
  readonly catalogue: Catalogue;
  readonly arrivals: Arrivals;
  readonly blobs: Pick<BlobStore, "remove">;
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
  /** By this call; false: an earlier one had made the file. */
  readonly madeNow: boolean;
}

/** Hashes of the bytes as they were read back. */
type ReadBack = Pick<ArrivedDigests, "sha256" | "crc32c">;
type Sealed = Sealing & { readonly kind: "sealed" };

/**
 * Finalize: what arrived is sealed (re-read, hashed, published), then file + task + session in one transaction (FIN-1 …
 * FIN-6). No lock spans the I/O: the transaction's condition decides, and whoever changes no row answers from the row
 * that it finds. Repeating it, also 50 times at once, makes one file; taking turns within the process only saves
 * reading the same bytes 50 times.
 */
export class Finalizer {
  readonly #deps: FinalizeDeps;
  /** Finalizes under way in this process; they never reject. */
  readonly #running = new Map<SessionId, Promise<void>>();

  constructor(deps: FinalizeDeps) {
    this.#deps = deps;
  }

  /**
   * `gone`: aborted when nobody waits for the answer; then what has not begun is not done. `known`: the session as the
   * caller has just read it; whatever has changed since is noticed as it is between any two steps.
   */
  async finalize(
    teamId: TeamId,
    id: SessionId,
    expected: ExpectedDigests,
    gone = new AbortController().signal,
    known: Session | null = null,
  ): Promise<Finalized> {
    // Each round answers or has seen the session change under it; three changes within one finalize are a storm,
    // not a state.
    for (let round = 0; round < 3; round++) {
      const done = await this.#inTurn(id, async () => {
        // One that looks expired may have been sent on meanwhile.
        const usable = known?.state === "received" && !isExpired(known, this.#deps.clock.now());
        const session = round === 0 && usable ? known : await this.#deps.catalogue.run(readSession, { id, teamId });
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
    const check = (found: ReadBack) => checkExpected(session, found, expected);
    const sealing = await this.#deps.arrivals.seal(session, { check, gone });
    switch (sealing.kind) {
      case "incomplete":
        throw incomplete(session, sealing.receivedBytes);
      case "damaged":
        throw damaged(session);
      case "changed":
        return null;
      case "sealed":
        return this.#makeFile(session, sealing);
      default:
        return assertNever(sealing);
    }
  }

  async #makeFile(session: Session, { key, digests, fence }: Sealed): Promise<Finalized | null> {
    const result = accepted(
      await this.#deps.catalogue.run(finalizeSession, {
        teamId: session.teamId,
        id: session.id,
        epoch: fence.writerEpoch,
        sha256: digests.sha256,
        blobKey: key,
        fileId: this.#deps.ids.next("file"),
        taskId: this.#deps.ids.next("task"),
      }),
    );
    if (result.session === null) {
      await this.#withdraw(session, key);
      return null;
    }
    // The original holds the bytes now. What this leaves behind when it fails, maintenance removes.
    this.#deps.arrivals.discard(session.id).catch((error: unknown) => {
      this.#deps.log.warn(
        { session_id: session.id, err: error },
        "what arrived for a finalized session is left for maintenance",
      );
    });
    return finalizedOf(result.session, true);
  }

  /** An original that was published for a session which was ended meanwhile: it can become no file any more. */
  async #withdraw({ id, teamId }: Session, key: BlobKey): Promise<void> {
    const now = await this.#deps.catalogue.run(readSession, { id, teamId });
    if (now === null || now.state === "cancelled" || now.state === "expired") await this.#deps.blobs.remove(key);
  }
}

/** FIN-2. A deleted file's digests are forgotten: then there is nothing to compare, and nothing to name. */
function repeated(session: Session, expected: ExpectedDigests): Finalized {
  if (session.sha256 !== null && session.crc32c !== null)
    checkExpected(session, { sha256: session.sha256, crc32c: session.crc32c }, expected);
  return finalizedOf(session, false);
}

function finalizedOf(session: Session, madeNow: boolean): Finalized {
  // The CHECK of a finalized row: both ids are there.
  if (session.fileId === null || session.taskId === null) throw new Error(`${session.id} is finalized without a file`);
  return { fileId: session.fileId, taskId: session.taskId, madeNow };
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

function incomplete({ sizeBytes }: Session, receivedBytes: number): WharfError {
  return new WharfError("upload_incomplete", {
    message: `${receivedBytes} of ${sizeBytes} bytes are here. PUT the rest to upload_url, then finalize again.`,
    details: { received_bytes: receivedBytes, size_bytes: sizeBytes },
  });
}

/** FIN-5: they are dropped and the session is open again; the client sends them once more. */
function damaged({ id }: Session): WharfError {
  return new WharfError("integrity_error", {
    message:
      "The stored bytes changed on the server's disk and were dropped. PUT the file to upload_url again, from byte 0, then finalize.",
    details: { session_id: id, received_bytes: 0 },
  });
}
