import { type BlobKey, type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { isRefusal, refuse, WharfError } from "../errors.ts";
import type { Holder, Places } from "../fairness/places.ts";
import { invalid } from "../files/fields.ts";
import type { SessionId, TeamId } from "../ids.ts";
import { refuseFaulty } from "../json-faults.ts";
import type { Log } from "../log.ts";
import type { Arrivals, TakenIn } from "./arrivals.ts";
import type { Idempotency } from "./create.store.ts";
import {
  type CreateDeps,
  type Created,
  type CreateRequest,
  createInputOf,
  knownFields,
  SHARE_USED_UP,
  validateCreate,
} from "./create-session.ts";
import type { Room } from "./disk-gate.ts";
import { fingerprintOf } from "./idempotency.ts";
import { type UploadInput, uploadFile as uploadFileOperation } from "./upload-file.store.ts";
import { readUploadForm, type UploadedFile } from "./upload-form.ts";

export interface UploadFileDeps extends CreateDeps {
  readonly arrivals: Arrivals;
  readonly blobs: Pick<BlobStore, "remove">;
  /** Of requests that send bytes; those of upload URLs have the same ones. */
  readonly places: Places;
  readonly log: Log;
}

/** A form that comes in (http/multipart.ts). */
export interface IncomingForm {
  /** The whole body's, when it says so before it comes. */
  readonly declaredBytes: number | null;
  /** Reads it to its end; its text fields. */
  read(
    takeFile: (
      file: Omit<UploadedFile, "sizeBytes"> & { readonly content: AsyncIterable<Uint8Array> },
    ) => Promise<void>,
  ): Promise<readonly (readonly [name: string, value: string])[]>;
}

interface Upload {
  readonly by: Holder;
  readonly idempotencyKey: string | null;
  /** Aborted when nobody waits for the answer. */
  readonly gone: AbortSignal;
}

type Whole = UploadedFile & TakenIn;

/**
 * A document in one call (CON-2): its bytes become an original while they come, and then one transaction makes all
 * that a create and a finalize make. Until that, nobody but this call knows of anything: what ends it takes all of
 * it away, and what a dead process leaves behind, maintenance does. Sent again with its Idempotency-Key it begins
 * anew, and finds the file or makes it.
 *
 * Like a data request it has a place and room on the disk before a byte is read, so these two are refused before
 * anything else is judged. Throws WharfError for what is wrong with the request; refusals of the transaction are
 * returned.
 */
export async function uploadFile(deps: UploadFileDeps, upload: Upload, form: IncomingForm): Promise<Created> {
  const { maxFileBytes } = deps.config;
  const mostBytes = Math.min(form.declaredBytes ?? maxFileBytes, maxFileBytes);
  const place = deps.places.take(upload.by);
  try {
    const room = await deps.disk.roomForSession(upload.by.teamId, mostBytes);
    if (typeof room === "string") throw refused(room);
    return await uploadInto(deps, upload, form, { mostBytes, room });
  } finally {
    place.free();
  }
}

function refused(room: "disk" | "team"): WharfError {
  const { refused: code, message, details } = room === "team" ? SHARE_USED_UP : refuse("storage_full");
  return new WharfError(code, { message, details });
}

async function uploadInto(
  deps: UploadFileDeps,
  { by: { teamId }, idempotencyKey, gone }: Upload,
  form: IncomingForm,
  { mostBytes, room }: { readonly mostBytes: number; readonly room: Room },
): Promise<Created> {
  const id = deps.ids.next("sess");
  const waste = new Waste(deps, id);
  const whole: Whole[] = [];
  try {
    const fields = await form.read(async ({ content, ...file }) => {
      const bytes = within(content, deps.config.maxFileBytes);
      const taken = await deps.arrivals.takeIn({ id, teamId, mostBytes }, bytes, gone);
      waste.original = taken.key;
      whole.push({ ...file, ...taken });
    });
    const [file] = whole;
    if (file === undefined) throw invalid("file", "Send the document as the part file of the form.");
    const input = inputOf(deps, { teamId, id, idempotencyKey }, file, readUploadForm(fields, file));
    // From here on the catalogue says whose the original is; when its answer does not come, maintenance asks it again.
    waste.original = null;
    const output = await deps.catalogue.run(uploadFileOperation, input).catch((error: unknown) => {
      // An answer: nothing of the transaction is kept.
      if (error instanceof WharfError) waste.original = file.key;
      throw error;
    });
    if (isRefusal(output) || output.replayed) waste.original = file.key;
    if (!isRefusal(output)) return output;
    const { remaining, ...refusal } = output;
    return { refusal, remaining };
  } catch (error) {
    throw error instanceof BlobStoreError && error.failure === "damaged" ? damaged(error) : error;
  } finally {
    await waste.remove();
    room.giveBack();
  }
}

/** What is left of a call when it ends: of one that made a file, what arrived for it. */
class Waste {
  /** It is nobody's. */
  original: BlobKey | null = null;
  readonly #deps: UploadFileDeps;
  readonly #session: SessionId;

  constructor(deps: UploadFileDeps, session: SessionId) {
    this.#deps = deps;
    this.#session = session;
  }

  /**
   * Before the answer: whoever reads it finds nothing on the disk that no file names. What cannot be removed
   * now, maintenance removes: once it is discarded, which does not wait for the original to go.
   */
  async remove(): Promise<void> {
    const { arrivals, blobs, log } = this.#deps;
    const original = this.original;
    const removals = [original === null ? undefined : blobs.remove(original), arrivals.discard(this.#session)];
    for (const removal of await Promise.allSettled(removals))
      if (removal.status === "rejected")
        log.warn({ session_id: this.#session, err: removal.reason }, "what came in one call is left for maintenance");
  }
}

function inputOf(
  deps: UploadFileDeps,
  { teamId, id, idempotencyKey: key }: { teamId: TeamId; id: SessionId; idempotencyKey: string | null },
  { key: blobKey, digests: { sha256, md5, crc32c } }: Whole,
  request: CreateRequest,
): UploadInput {
  refuseFaulty(request);
  const valid = validateCreate(request, deps.config.maxFileBytes);
  // The bytes are a part of what two requests with one key must agree on.
  const fingerprint = fingerprintOf({ ...knownFields(request), sha256 });
  const idempotency: Idempotency | null = key === null ? null : { operation: "upload", key, fingerprint };
  return {
    create: { ...createInputOf(deps, { teamId, valid, request, idempotency, diskLow: false }), sessionId: id },
    file: { sha256, blobKey, fileId: deps.ids.next("file"), taskId: deps.ids.next("task") },
    digests: { md5, crc32c },
  };
}

/** The file's bytes, while they are no more than a file may have, and at least one. */
async function* within(content: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw fileTooLarge(maxBytes);
    yield chunk;
  }
  if (bytes > 0) return;
  throw new WharfError("invalid_size", {
    message: "The part file is empty: an empty file has nothing to index.",
    details: { field: "file" },
  });
}

export function fileTooLarge(maxBytes: number): WharfError {
  return new WharfError("file_too_large", {
    message: `A file may have at most ${maxBytes} bytes; this one has more. Split or compress it.`,
    details: { field: "file", max_bytes: maxBytes },
  });
}

function damaged(cause: BlobStoreError): WharfError {
  return new WharfError("integrity_error", {
    message: "The bytes changed on the server's disk while they were kept, and were dropped. Send the file again.",
    details: { field: "file" },
    cause,
  });
}
