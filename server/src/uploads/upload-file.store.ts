import { writeOperation } from "../catalogue/catalogue.ts";
import { admitCreate, type CreateInput, type CreateOutput, locksOfCreate } from "./create.store.ts";
import { type FinalizeInput, makeFile, topicsOfNewFile } from "./finalize.store.ts";
import { recordProgress } from "./session.store.ts";

export interface UploadInput {
  /** Its `sizeBytes` are those that came. */
  readonly create: CreateInput;
  readonly file: Pick<FinalizeInput, "sha256" | "blobKey" | "fileId" | "taskId">;
  /** As the session's row keeps them, base64. */
  readonly digests: { readonly md5: string; readonly crc32c: string };
}

/** What `createSession` says, of a session that is finalized. */
export type UploadOutput = CreateOutput;

/**
 * The one-call upload (CON-2), whole, as one transaction: the session goes its way from created to finalized, with
 * all that a create and a finalize make, or nothing of it is there. So a crash leaves no session behind, and a
 * refusal no bucket. Its bytes are an original already. The team's count of open sessions is the same before and
 * after, and not touched.
 */
export const uploadFile = writeOperation(
  "uploads.uploadFile",
  ({ create }: UploadInput) => locksOfCreate(create),
  async (tx, { create, file, digests }: UploadInput): Promise<UploadOutput> => {
    const { teamId, sessionId: id, sizeBytes } = create;
    const created = await admitCreate(tx, create);
    if ("refused" in created || created.replayed) return created;
    // No data request ever had it: the epoch is the new row's own.
    const whole = { id, epoch: 0, receivedBytes: sizeBytes, segments: [], digestState: "", digests };
    if ((await recordProgress.run(tx, whole)) === null) throw new Error(`${id} is new, and takes no bytes`);
    const made = await makeFile(tx, { ...file, teamId, id, epoch: 0 });
    if ("refused" in made) return { ...made, remaining: created.remaining };
    if (made.session === null) throw new Error(`${id} holds all its bytes, and cannot be finalized`);
    return { ...created, session: made.session };
  },
  ({ file }, output) => ("refused" in output || output.replayed ? [] : topicsOfNewFile(file.fileId)),
);

export const uploadOperations = [uploadFile];
