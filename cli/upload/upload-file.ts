import { constants, type FileHandle, open } from "node:fs/promises";
import { type Api, ApiError } from "../client/api.ts";
import { type JsonObject, objectIn, textIn } from "../client/json.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { type Content, type Description, idempotencyKey, type ReadContent, readContent } from "./content.ts";
import { type FoundFile, noRegularFile, unreadable } from "./find-files.ts";
import { transfer } from "./transfer.ts";
import type { BytesWatcher } from "./watcher.ts";

export interface Uploaded {
  /** The file object as it is now (contract §4). */
  readonly file: JsonObject;
  readonly fileId: string;
  readonly sessionId: string;
  readonly content: Content;
  /** It had been finalized before this run. */
  readonly alreadyThere: boolean;
  /** Bytes that an earlier run had sent. */
  readonly resumedAt: number;
}

/**
 * One file: create → bytes → finalize. Running it again after a kill at any point continues the same session or finds the finished file.
 */
export async function uploadFile(
  api: Api,
  found: FoundFile,
  description: Description,
  watcher: BytesWatcher,
): Promise<Uploaded> {
  const file = await openRegular(found.spooledAt ?? found.path);
  try {
    const read = await readContent(file, api.options.signal);
    const { content } = read;
    if (content.sizeBytes === 0) throw new CliError(EXIT.failure, "empty_file", "The file is empty.");
    watcher.size(content.sizeBytes);
    return { ...(await store(api, file, read, description, watcher)), content };
  } finally {
    await file.close();
  }
}

type Stored = Omit<Uploaded, "content">;

/** Enough for any history of one document within the 7 days that keys live. */
const MAX_SESSIONS = 100;

/**
 * A session may be gone (expired, cancelled), and then the same key starts afresh; or its file was deleted since, and then the wish to
 * upload it again is a new upload with a key of its own, as stable as the first.
 */
async function store(
  api: Api,
  file: FileHandle,
  read: ReadContent,
  description: Description,
  watcher: BytesWatcher,
): Promise<Stored> {
  const deleted: string[] = [];
  for (let sessions = 0; sessions < MAX_SESSIONS; sessions++) {
    const stored = await storeOnce(api, file, read, description, deleted, watcher);
    if (stored === null) continue;
    if (textIn(stored.file, "status") !== "deleted") return stored;
    deleted.push(stored.fileId);
  }
  throw new CliError(EXIT.failure, "no_session", "The upload's session disappears again and again.");
}

/** null = the session went away under the upload. */
async function storeOnce(
  api: Api,
  file: FileHandle,
  read: ReadContent,
  description: Description,
  deleted: readonly string[],
  watcher: BytesWatcher,
): Promise<Stored | null> {
  const { content, small } = read;
  const key = idempotencyKey(content, description, deleted);
  const created = await createSession(api, { ...description, size_bytes: content.sizeBytes }, key);
  const sessionId = textIn(created.json, "session_id");
  const url = textIn(created.json, "upload_url");
  if (sessionId === null || url === null)
    throw new CliError(EXIT.failure, "bad_answer", "The server's answer to the create names no session.");
  const replayed = created.answer.header("Idempotent-Replayed") === "true";

  let resumedAt: number | null = null;
  const sent = await transfer(
    { http: api.http, ...api.options },
    { url, file, sizeBytes: content.sizeBytes, small },
    replayed,
    {
      at: (bytes) => watcher.at(bytes),
      resumes: (bytes) => {
        resumedAt ??= bytes;
        watcher.resumes(bytes);
      },
    },
  );
  if (!sent) return null;
  const finalized = await finalize(api, sessionId, content);
  if (finalized === null) return null;
  const fileId = textIn(finalized, "id");
  if (fileId === null) throw new CliError(EXIT.failure, "bad_answer", "The server's answer names no file.");
  // A replay whose probe said "complete" at once was finished by an earlier run, or only lacked its finalize.
  const alreadyThere = replayed && resumedAt === null && textIn(finalized, "status") !== "queued";
  return { file: finalized, fileId, sessionId, alreadyThere, resumedAt: resumedAt ?? content.sizeBytes };
}

/**
 * The key leaves `create_missing_buckets` out and the server's comparison of bodies does not (IDE-3): when a session of this key was made
 * with the other value, that is the one we mean.
 */
async function createSession(api: Api, body: Description & { readonly size_bytes: number }, key: string) {
  const headers = { "Idempotency-Key": key };
  try {
    return await api.post(SESSIONS, body, headers);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "idempotency_key_reused") throw error;
    const other = body.create_missing_buckets === true ? undefined : true;
    return api.post(SESSIONS, { ...body, create_missing_buckets: other }, headers);
  }
}

/** The sha256 goes along: what became a file is what was read at first, or nothing is. null = the session is gone. */
async function finalize(api: Api, sessionId: string, content: Content): Promise<JsonObject | null> {
  try {
    const { json } = await api.post(`${SESSIONS}/${sessionId}/finalize`, { sha256: content.sha256 });
    return json;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 410 || error.code === "upload_incomplete" || error.code === "integrity_error") return null;
    if (error.code !== "checksum_mismatch") throw error;
    await api.delete(`${SESSIONS}/${sessionId}`);
    throw new CliError(EXIT.failure, "file_changed", "The file changed while it was being uploaded; nothing is kept.");
  }
}

/** Asking again for a file whose indexing failed in an earlier run is the wish to try again. */
export async function retryIfFailedBefore(api: Api, stored: Uploaded): Promise<void> {
  const taskId = textIn(objectIn(stored.file, "task"), "id");
  if (!stored.alreadyThere || textIn(stored.file, "status") !== "failed" || taskId === null) return;
  await api.post(`/knowledge/tasks/${taskId}/retry`, {}).catch((error: unknown) => {
    // Somebody else was quicker.
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
  });
}

/** Not blocking: what has become a named pipe since it was looked at would wait for a writer, deaf to signals. */
async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw unreadable("file", error);
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw noRegularFile();
}

const SESSIONS = "/knowledge/files/upload-session";
