import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { LIMITS } from "../limits.ts";
import type { BucketView } from "./store.ts";

const Count = Type.Integer({ minimum: 0 });
const Ids = Type.Array(Type.String());
const Time = Type.String({ format: "date-time" });

export const Bucket = Type.Object({
  id: Type.String(),
  teamId: Type.String(),
  slug: Type.String(),
  name: Type.String(),
  description: Type.Union([Type.String(), Type.Null()]),
  status: Type.Enum(["active", "archived"]),
  knowledgeIds: Ids,
  fileIds: Type.Array(Type.String(), {
    description: `At most ${LIMITS.bucketFileIds}, and ${LIMITS.listedFileIds} in one answer without limit; fileIdsTruncated says whether there are more.`,
  }),
  fileKnowledgeIds: Ids,
  fileIdsTruncated: Type.Boolean(),
  filesCount: Count,
  memberCount: Count,
  rawMemberCount: Count,
  fileCount: Type.Integer({ minimum: 0, description: "Every file that is not deleted." }),
  retrievableFileCount: Type.Integer({ minimum: 0, description: "Indexed files: those that a search can find." }),
  staleMemberCount: Count,
  activeNonFileMemberCount: Count,
  counts: Type.Object({ raw_members: Count, file: Count, retrievable_files: Count }),
  bucketStore: Type.Object({
    alias: Type.String(),
    status: Type.Literal("active"),
    file_count: Count,
    indexed_file_count: Count,
    pending_file_count: Count,
    member_count: Count,
    indexed_member_count: Count,
    pending_member_count: Count,
    last_synced_at: Type.Union([Time, Type.Null()]),
    last_error: Type.Union([Type.String(), Type.Null()]),
  }),
  created_at: Time,
  updated_at: Time,
});

const { id, teamId, status } = Bucket.properties;

export const BucketStates = Type.Object({ id, teamId, status });

/** What changing a bucket answers: all of it, or its states. */
export const ChangedBucket = Type.Object(
  { ...Type.Partial(Bucket).properties, ...BucketStates.properties },
  { description: "The bucket; ids and states alone to a key without files:read." },
);

export const DeletedBucket = Type.Object({
  id,
  status: Type.Literal("deleted"),
  slug: Type.Optional(Type.String({ description: "It had; free for another bucket now." })),
  files_removed: Type.Optional(
    Type.Integer({ minimum: 0, description: "Files that were in it. Those in no other bucket are deleted." }),
  ),
});

/**
 * The published shape, in which one list and most counts stand under several names. Our members are files and nothing
 * else, and a membership that is active is indexed; so there are no stale ones and none that are no file.
 */
export function bucketToWire(bucket: BucketView) {
  const { pendingFiles: pending, activeFiles: indexed } = bucket;
  const fileIds = [...bucket.fileIds];
  const files = pending + indexed + bucket.failedFiles;
  return {
    id: bucket.id,
    teamId: bucket.teamId,
    slug: bucket.slug,
    name: bucket.name,
    description: bucket.description,
    status: bucket.status,
    knowledgeIds: fileIds,
    fileIds,
    fileKnowledgeIds: fileIds,
    fileIdsTruncated: bucket.fileIdsTruncated,
    filesCount: files,
    memberCount: files,
    rawMemberCount: files,
    fileCount: files,
    retrievableFileCount: indexed,
    staleMemberCount: 0,
    activeNonFileMemberCount: 0,
    counts: { raw_members: files, file: files, retrievable_files: indexed },
    bucketStore: {
      alias: bucket.slug,
      status: "active" as const,
      file_count: files,
      indexed_file_count: indexed,
      pending_file_count: pending,
      member_count: files,
      indexed_member_count: indexed,
      pending_member_count: pending,
      last_synced_at: bucket.lastSyncedAt === null ? null : toRfc3339(bucket.lastSyncedAt),
      last_error: bucket.lastError,
    },
    created_at: toRfc3339(bucket.createdAt),
    updated_at: toRfc3339(bucket.updatedAt),
  };
}
