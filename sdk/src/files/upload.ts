import type { Calls } from "../core/calls.ts";
import { ApiError, WharfError } from "../core/errors.ts";
import type { Operations } from "../generated/types.ts";
import type { Content } from "./content.ts";
import { type Description, idempotencyKey } from "./description.ts";
import { transfer } from "./transfer.ts";

/** A file as finalize answered it, and how this upload went. */
export type UploadedFile = Operations["finalizeUploadSession"]["answer"] & {
  /** It had been finalized before this upload. */
  readonly alreadyThere: boolean;
  /** Bytes that an earlier upload had sent. */
  readonly resumedAtBytes: number;
};

export interface UploadProgress {
  /**
   * `read`: the size is known, nothing is sent yet. `starting`: bytes go from `sentBytes` on; more than 0 were sent
   * before.
   */
  readonly step: "read" | "starting" | "sending";
  /** The server has so many on its disk. May go back after a lost connection. */
  readonly sentBytes: number;
  readonly totalBytes: number;
}

export type OnProgress = (progress: UploadProgress) => void;

/** Who follows an upload, and may end it. */
export interface UploadWatch {
  readonly onProgress: OnProgress;
  /** Told each session that the bytes go to, before the first of them is sent. */
  readonly onSession: (sessionId: string) => void;
  readonly signal: AbortSignal;
}

/** Enough for any history of one document within the 7 days that keys live. */
const MAX_SESSIONS = 100;

/**
 * One content: create → bytes → finalize. Running it again after it was ended at any point continues the same session
 * or finds the finished file.
 *
 * A session may be gone (expired, cancelled), and then the same key starts afresh; or its file was deleted since, and
 * then the wish to upload it again is a new upload with a key of its own, as stable as the first.
 */
export async function store(
  calls: Calls,
  content: Content,
  description: Description,
  watch: UploadWatch,
): Promise<UploadedFile> {
  watch.onProgress({ step: "read", sentBytes: 0, totalBytes: content.sizeBytes });
  const deleted: string[] = [];
  for (let sessions = 0; sessions < MAX_SESSIONS; sessions++) {
    const key = await idempotencyKey(content, description, deleted);
    const stored = await storeOnce({ calls, content, description, key, ...watch });
    if (stored === null) continue;
    if (stored.status !== "deleted") return stored;
    deleted.push(stored.id);
  }
  throw new WharfError("no_session", "The upload's session disappears again and again.");
}

interface Job extends UploadWatch {
  readonly calls: Calls;
  readonly content: Content;
  readonly description: Description;
  readonly key: string;
}

/** null = the session went away under the upload. */
async function storeOnce(job: Job): Promise<UploadedFile | null> {
  const { body: created, answer } = await createSession(job);
  job.onSession(created.session_id);
  const replayed = answer.header("Idempotent-Replayed") === "true";
  const resumedAt = await sendBytes(job, created.upload_url, replayed);
  if (resumedAt === "gone") return null;
  const file = await finalize(job, created.session_id);
  if (file === null) return null;
  // A replay whose probe said "complete" at once was finished by an earlier upload, or only lacked its finalize.
  const alreadyThere = replayed && resumedAt === null && file.status !== "queued";
  return { ...file, alreadyThere, resumedAtBytes: resumedAt ?? job.content.sizeBytes };
}

/** Where sending began; null = nothing had to be sent. */
export async function sendBytes(
  { calls, content, onProgress, signal }: Pick<Job, "calls" | "content" | "onProgress" | "signal">,
  url: string,
  probeFirst: boolean,
): Promise<number | null | "gone"> {
  const { sizeBytes: totalBytes } = content;
  let resumedAt: number | null = null;
  const sent = await transfer({ ...calls.options, signal }, { url, content }, probeFirst, {
    at: (sentBytes) => onProgress({ step: "sending", sentBytes, totalBytes }),
    resumes: (sentBytes) => {
      resumedAt ??= sentBytes;
      onProgress({ step: "starting", sentBytes, totalBytes });
    },
  });
  return sent ? resumedAt : "gone";
}

/**
 * The key leaves `create_missing_buckets` out and the server's comparison of bodies does not (IDE-3): when a session of
 * this key was made with the other value, that is the one we mean.
 */
async function createSession({ calls, content, description, key, signal }: Job) {
  const headers = { "Idempotency-Key": key };
  const body = { ...description, size_bytes: content.sizeBytes };
  try {
    return await calls.answered("createUploadSession", { body }, headers, { signal });
  } catch (error) {
    if (!ApiError.is(error, "idempotency_key_reused")) throw error;
    const other = { ...body, create_missing_buckets: description.create_missing_buckets === true ? undefined : true };
    return calls.answered("createUploadSession", { body: other }, headers, { signal });
  }
}

/** The sha256 goes along: what became a file is what was read at first, or nothing is. null = the session is gone. */
async function finalize({ calls, content, signal }: Job, sessionId: string) {
  const path = { session_id: sessionId };
  try {
    const body = content.sha256 === null ? {} : { sha256: content.sha256 };
    return await calls.json("finalizeUploadSession", { path, body }, { signal });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 410 || error.code === "upload_incomplete" || error.code === "integrity_error") return null;
    if (error.code !== "checksum_mismatch") throw error;
    await calls.json("cancelUploadSession", { path }, { signal });
    throw new WharfError("file_changed", "The file changed while it was being uploaded; nothing is kept.");
  }
}
