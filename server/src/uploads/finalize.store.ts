import { storedKey } from "../blobs/keys.ts";
import { findBucket } from "../buckets/resolve.store.ts";
import { TOPICS, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { lockSession } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { type Refusal, refuse } from "../errors.ts";
import { insertFile } from "../files/insert-file.store.ts";
import type { BucketId, FileId, SessionId, TaskId, TeamId } from "../ids.ts";
import { moveOpenSessions, toSession } from "./session.store.ts";
import type { Session } from "./session.ts";
import { statesThatAllow } from "./session.ts";

export interface FinalizeInput {
  readonly teamId: TeamId;
  readonly id: SessionId;
  /** The writer whose bytes were hashed: another one since makes this change nothing. */
  readonly epoch: number;
  readonly sha256: string;
  readonly blobKey: string;
  /** Taken when this call makes the file. */
  readonly fileId: FileId;
  readonly taskId: TaskId;
}

const finish = prepared((db, $: Bind<FinalizeInput & { readonly now: number }>) =>
  db
    .updateTable("upload_sessions")
    .set({
      state: "finalized",
      ended_at: $("now"),
      updated_at: $("now"),
      sha256: $("sha256"),
      file_id: $("fileId"),
      task_id: $("taskId"),
    })
    .where("id", "=", $("id"))
    .where("team_id", "=", $("teamId"))
    .where("state", "in", statesThatAllow("finalize"))
    .where("expires_at", ">", $("now"))
    .where("writer_epoch", "=", $("epoch"))
    .returningAll(),
);

/**
 * FIN-1: file, memberships, task and the session's end in one transaction. `session` null: it was not in a state to
 * finalize (any more); the caller reads it again and answers from that.
 */
export const finalizeSession = writeOperation(
  "uploads.finalizeSession",
  lockSession,
  async (tx, input: FinalizeInput): Promise<{ session: Session | null } | Refusal> => {
    const made = await makeFile(tx, input);
    // Last: the row is the team's own, and whoever opens or ends another of its sessions waits for it until
    // this commits.
    if ("session" in made && made.session !== null) await moveOpenSessions(tx, { teamId: input.teamId, by: -1 });
    return made;
  },
  (input, output) => ("session" in output && output.session !== null ? topicsOfNewFile(input.fileId) : []),
);

export function topicsOfNewFile(file: FileId): readonly string[] {
  return [TOPICS.tasks, TOPICS.file(file)];
}

/** All of a finalize but the team's count of open sessions. */
export async function makeFile(tx: Tx, input: FinalizeInput): Promise<{ session: Session | null } | Refusal> {
  const [updated] = await finish(tx, { ...input, now: tx.now });
  if (updated === undefined) return { session: null };
  const session = toSession(updated);

  // FIN-5: a bucket that is gone by now is left out.
  const bucketIds: BucketId[] = [];
  for (const id of session.bucketIds) {
    const bucket = await findBucket(tx, input.teamId, id);
    if (bucket !== undefined) bucketIds.push(bucket.id);
  }
  if (bucketIds.length === 0)
    return refuse("conflict", {
      message: "None of the buckets of this upload exists any more. Create a new session that names existing buckets.",
      details: { bucket_ids: [...session.bucketIds] },
    });
  await insertFile(tx, {
    id: input.fileId,
    taskId: input.taskId,
    teamId: input.teamId,
    sessionId: session.id,
    filename: session.filename,
    title: session.title,
    contentType: session.contentType,
    sizeBytes: session.sizeBytes,
    sha256: input.sha256,
    tags: session.tags,
    metadata: session.metadata,
    bucketIds,
    blobKey: storedKey(input.blobKey),
  });
  return { session };
}

export const finalizeOperations = [finalizeSession];
