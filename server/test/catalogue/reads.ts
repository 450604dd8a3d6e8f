import {
  createLink,
  findSession as findDashboardSession,
  isLinkGood,
  isSessionGood,
  listSessions as listDashboardSessions,
  redeemLink,
  teamSlug,
} from "../../src/access/dashboard.store.ts";
import { anyTeam, createKey, findCaller, isKeyGood, listKeys } from "../../src/access/store.ts";
import { activeBuckets, createProfile, findProfile, listProfiles } from "../../src/agents/profiles.store.ts";
import { findResponse, keepResponse, readTurns } from "../../src/agents/responses.store.ts";
import { listLiveSessions, sessionOutcome } from "../../src/backup/store.ts";
import { createBucket, deleteBucket } from "../../src/buckets/change.store.ts";
import { findLiveBucket, listBuckets, readBucket } from "../../src/buckets/store.ts";
import { teamQueue } from "../../src/dashboard/store.ts";
import { overdueRows, strangeSignIns } from "../../src/doctor/retention.store.ts";
import { lostBatchItems, lostQuotes } from "../../src/doctor/rows.store.ts";
import { wrongBuckets, wrongTeams } from "../../src/doctor/store.ts";
import { matchFiles, matchNamedFiles } from "../../src/files/bulk-delete.store.ts";
import { deleteFile } from "../../src/files/delete-file.store.ts";
import { findLabels, listDirtyLabels, readLabels } from "../../src/files/labels.store.ts";
import { listFiles } from "../../src/files/list.store.ts";
import { metadataFingerprints } from "../../src/files/metadata-fingerprint.ts";
import { findOriginals, listOriginals } from "../../src/files/originals.store.ts";
import { listOutdated } from "../../src/files/outdated.store.ts";
import { listDeletedBuckets } from "../../src/files/remove-bucket.store.ts";
import { findFile, readFile } from "../../src/files/store.ts";
import type { BucketId, FileId } from "../../src/ids.ts";
import { listShown, listShownOfTeam, listTeams, stillShown } from "../../src/indexing/rebuild.store.ts";
import { findGarbage, findRecentlyDeleted, findRemoval, findSource } from "../../src/indexing/store.ts";
import { LIMITS } from "../../src/limits.ts";
import { keepPosition, readPositions } from "../../src/maintenance/position.store.ts";
import { serviceFigures } from "../../src/metrics/store.ts";
import { countBuckets, findScope, findVisible, rarestPair, walkMetadata } from "../../src/retrieval/store.ts";
import { listTasks } from "../../src/tasks/list.store.ts";
import { findTask } from "../../src/tasks/store.ts";
import { type BatchInput, createBatch, tryBatch } from "../../src/uploads/batch.store.ts";
import { listSessions } from "../../src/uploads/list-sessions.store.ts";
import { readBatch } from "../../src/uploads/read-batch.store.ts";
import { readSession } from "../../src/uploads/session.store.ts";
import { bytesOwed, leasedBuilds, referencedKeys, sessionFacts } from "../../src/uploads/sweep.store.ts";
import { tryCreate } from "../../src/uploads/try-create.store.ts";
import { answerOf, KEPT_BYTES } from "./rivals-of-agents.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";
import { calling, newKey, World } from "./world.ts";

const EVERYTHING = {
  bucket: null,
  tags: [],
  status: null,
  metadata: [],
  createdAfter: null,
  createdBefore: null,
  name: null,
  order: "newest",
} as const;

/**
 * Each reading operation on a catalogue with something of everything: with and without results, page by page, with
 * lists that are empty.
 */
export async function readsOf(on: CatalogueUnderTest): Promise<Readonly<Record<string, readonly Call<unknown>[]>>> {
  const { catalogue } = on;
  const key = newKey(on, "team");
  await catalogue.run(createKey, key);
  const world = await World.open(on);
  const { teamId } = world;
  await catalogue.run(keepPosition, { chore: "scrub", position: "a" });
  const open = await world.written(false);
  // "ab" and "a-b" have one order by their bytes, and the other in a language that overlooks hyphens.
  const buckets = ["aa", "a-b", "ab"].map((slug) => ({ sent: slug, id: null, slug }));
  const newBucketIds = buckets.map(() => on.ids.next("bucket"));
  const inThree = await world.session({ buckets, newBucketIds });
  const received = await world.written(true);
  const indexed = await world.indexed();
  const { build } = world.activation(indexed);
  const failed = await world.failed();
  const deleted = await world.indexed();
  await catalogue.run(deleteFile, { teamId, fileId: deleted.fileId, removalTaskId: on.ids.next("task") });
  const running = await world.claimed();
  const queued = await world.file();
  const files: readonly FileId[] = [indexed, failed, deleted, running, queued].map((file) => file.fileId);
  const [bucket] = await on.db.selectFrom("buckets").select("id").where("slug", "=", "inbox").execute();
  const bucketIds = bucket === undefined ? [] : [bucket.id];
  const metadata = metadataFingerprints('{"k":1}');
  const [rarest = ""] = metadata;
  const answers = [answerOf(on, [indexed.fileId]), answerOf(on, [queued.fileId, deleted.fileId])];
  for (const answer of answers)
    await catalogue.run(keepResponse, { teamId, question: "?", answer, maxBytes: KEPT_BYTES });
  const profile = { teamId, profileId: "p", name: "P", bucketIds, instructions: "", enabled: true };
  await catalogue.run(createProfile, profile);
  const refs = [indexed, deleted].map((claim) => ({ file: claim.fileId, build: world.activation(claim).build }));
  const list = (more: object) =>
    calling(catalogue, listFiles, { teamId, filter: { ...EVERYTHING, ...more }, limit: 2, after: null });

  const [link, cookie] = ["1".repeat(64), "2".repeat(64)];
  for (const hash of ["3".repeat(64), link])
    await catalogue.run(createLink, { hash, teamSlug: "team", scopes: ["search"] });
  const session = { id: on.ids.next("dash"), hash: cookie };
  await catalogue.run(redeemLink, { linkHash: "3".repeat(64), session });

  const { create, ...batch } = { create: world.create(), ...(await batchOf(world)) };
  const gone = await goneBucket(world);

  const called = (calls: readonly Call<unknown>[]) => calls;
  return {
    [findCaller.name]: called([
      calling(catalogue, findCaller, { hash: key.key.hash }),
      calling(catalogue, findCaller, { hash: "0".repeat(64) }),
    ]),
    [isKeyGood.name]: [key.key.id, on.ids.next("key")].map((id) => calling(catalogue, isKeyGood, { id })),
    [isSessionGood.name]: [session.id, on.ids.next("dash")].map((id) => calling(catalogue, isSessionGood, { id })),
    [isLinkGood.name]: [link, cookie].map((hash) => calling(catalogue, isLinkGood, { hash })),
    [findDashboardSession.name]: [cookie, link].map((hash) => calling(catalogue, findDashboardSession, { hash })),
    [listDashboardSessions.name]: [null, "team", "none"].map((slug) =>
      calling(catalogue, listDashboardSessions, { teamSlug: slug }),
    ),
    [teamSlug.name]: [calling(catalogue, teamSlug, { teamId })],
    [teamQueue.name]: [calling(catalogue, teamQueue, { teamId })],
    [anyTeam.name]: [calling(catalogue, anyTeam, {})],
    [listKeys.name]: [
      calling(catalogue, listKeys, { teamSlug: null }),
      calling(catalogue, listKeys, { teamSlug: "team" }),
    ],
    [listLiveSessions.name]: [
      calling(catalogue, listLiveSessions, { after: null, limit: 10 }),
      calling(catalogue, listLiveSessions, { after: { id: open, expiresAt: 0 }, limit: 1 }),
    ],
    [sessionOutcome.name]: [open, on.ids.next("sess")].map((id) => calling(catalogue, sessionOutcome, { id })),
    [listBuckets.name]: [null, "a-b", "ab"].map((after) =>
      calling(catalogue, listBuckets, { teamId, includeArchived: false, slugPrefix: "a", after, limit: 2, fileIds: 3 }),
    ),
    [readBucket.name]: [...bucketIds, gone].map((bucketId) => calling(catalogue, readBucket, { teamId, bucketId })),
    [findLiveBucket.name]: [...bucketIds, gone].map((bucketId) =>
      calling(catalogue, findLiveBucket, { teamId, bucketId }),
    ),
    [listDeletedBuckets.name]: [calling(catalogue, listDeletedBuckets, { limit: 10 })],
    [findLabels.name]: files.flatMap((fileId) =>
      [null, buckets.slice(0, 1), [{ sent: "?", id: null, slug: null }]].map((named) =>
        calling(catalogue, findLabels, { teamId, fileId, buckets: named }),
      ),
    ),
    [readLabels.name]: files.map((fileId) => calling(catalogue, readLabels, { fileId })),
    [listDirtyLabels.name]: [null, files[0] ?? null].map((after) =>
      calling(catalogue, listDirtyLabels, { after, limit: 10 }),
    ),
    [matchFiles.name]: [
      calling(catalogue, matchFiles, { teamId, filter: { ...EVERYTHING, tags: ["a"] }, limit: 2, after: null }),
      calling(catalogue, matchFiles, { teamId, filter: { ...EVERYTHING, createdBefore: 1 }, limit: 2, after: null }),
    ],
    [matchNamedFiles.name]: [files.slice(0, 1), []].map((some) =>
      calling(catalogue, matchNamedFiles, { teamId, filter: { ...EVERYTHING, tags: ["a"] }, files: some }),
    ),
    [listTasks.name]: ([null, "queued", "running", "succeeded", "failed", "cancelled"] as const).flatMap((state) =>
      [null, running.taskId].map((after) => calling(catalogue, listTasks, { teamId, state, after, limit: 2 })),
    ),
    [listSessions.name]: ([null, "open", "received", "finalized", "expired", "cancelled"] as const).flatMap((status) =>
      [null, received].map((after) => calling(catalogue, listSessions, { teamId, status, after, limit: 2 })),
    ),
    [readBatch.name]: [batch.batchId, on.ids.next("batch")].map((batchId) =>
      calling(catalogue, readBatch, { teamId, batchId }),
    ),
    [lostBatchItems.name]: [null, batch.batchId].map((after) => calling(catalogue, lostBatchItems, { after })),
    [lostQuotes.name]: [null, { fileId: queued.fileId, responseId: answers[1]?.id ?? on.ids.next("resp") }].map(
      (after) => calling(catalogue, lostQuotes, { after, lateMs: -1 }),
    ),
    [tryBatch.name]: [
      calling(catalogue, tryBatch, batch),
      calling(catalogue, tryBatch, { ...batch, fingerprint: "2".repeat(64) }),
      calling(catalogue, tryBatch, { ...batch, batchId: on.ids.next("batch") }),
    ],
    [tryCreate.name]: [
      calling(catalogue, tryCreate, create),
      calling(catalogue, tryCreate, { ...create, buckets: [{ sent: "?", id: null, slug: null }] }),
    ],
    [findFile.name]: files.map((fileId) => calling(catalogue, findFile, { teamId, fileId })),
    [readFile.name]: files.map((fileId) => calling(catalogue, readFile, { teamId, fileId })),
    [listFiles.name]: [
      list({}),
      list({ tags: ["a"] }),
      list({ tags: ["none"] }),
      list({ status: "failed" }),
      list({ metadata: [rarest] }),
      list({ bucket: { sent: "inbox", id: null, slug: "inbox" } }),
      list({ bucket: { sent: "?", id: null, slug: null } }),
      list({ createdAfter: 1 }),
      list({ name: "OTE.t" }),
      list({ name: "100%_" }),
      list({ order: "oldest" }),
      list({ order: "oldest", tags: ["a"] }),
    ],
    [listOutdated.name]: [null, files[1] ?? null].map((after) =>
      calling(catalogue, listOutdated, { team: teamId, after, limit: 3 }),
    ),
    [listOriginals.name]: [null, files[1] ?? null].map((after) =>
      calling(catalogue, listOriginals, { after, limit: 3 }),
    ),
    [findOriginals.name]: [files, []].map((some) => calling(catalogue, findOriginals, { files: some })),
    [wrongBuckets.name]: [calling(catalogue, wrongBuckets, { after: null })],
    [strangeSignIns.name]: [calling(catalogue, strangeSignIns, {})],
    [overdueRows.name]: [0, -LIMITS.tombstoneRetentionMs].map((lateMs) => calling(catalogue, overdueRows, { lateMs })),
    [wrongTeams.name]: [calling(catalogue, wrongTeams, {})],
    [findTask.name]: [indexed, queued].map(({ taskId }) => calling(catalogue, findTask, { teamId, taskId })),
    [findSource.name]: files.map((fileId) => calling(catalogue, findSource, { fileId })),
    [findGarbage.name]: [refs, []].map((builds) => calling(catalogue, findGarbage, { builds })),
    [findRecentlyDeleted.name]: [
      calling(catalogue, findRecentlyDeleted, { after: null, limit: 10 }),
      calling(catalogue, findRecentlyDeleted, {
        after: { team: teamId, file: deleted.fileId, deletedAt: on.now() + 60_000 },
        limit: 10,
      }),
    ],
    [findRemoval.name]: files.map((fileId) => calling(catalogue, findRemoval, { fileId })),
    [listTeams.name]: [null, "team", "none"].map((slug) => calling(catalogue, listTeams, { slug })),
    [listShownOfTeam.name]: [
      null,
      { team: teamId, file: indexed.fileId, build, chunks: 3, textKey: null, createdAt: 0 },
    ].map((after) => calling(catalogue, listShownOfTeam, { team: teamId, after, limit: 10 })),
    [listShown.name]: [null, files[0] ?? null].map((after) => calling(catalogue, listShown, { after, limit: 3 })),
    [stillShown.name]: [files, []].map((some) => calling(catalogue, stillShown, { files: some })),
    [findProfile.name]: ["p", "none"].map((profileId) => calling(catalogue, findProfile, { teamId, profileId })),
    [listProfiles.name]: [calling(catalogue, listProfiles, { teamId })],
    [activeBuckets.name]: [bucketIds, []].map((some) => calling(catalogue, activeBuckets, { teamId, bucketIds: some })),
    [findResponse.name]: [...answers.map(({ id }) => id), on.ids.next("resp")].map((id) =>
      calling(catalogue, findResponse, { teamId, id }),
    ),
    [readTurns.name]: [null, ...answers.map(({ id }) => id)].map((upTo) =>
      calling(catalogue, readTurns, { teamId, conversationId: "c", upTo }),
    ),
    [readPositions.name]: [calling(catalogue, readPositions, {})],
    [serviceFigures.name]: [calling(catalogue, serviceFigures, {})],
    [findScope.name]: [
      calling(catalogue, findScope, { teamId, buckets: [{ sent: "inbox", id: null, slug: "inbox" }] }),
      ...bucketIds.map((id) => calling(catalogue, findScope, { teamId, buckets: [{ sent: id, id, slug: null }] })),
      calling(catalogue, findScope, { teamId, buckets: [{ sent: "?", id: null, slug: null }] }),
    ],
    [countBuckets.name]: [null, "ab", "zz"].map((after) => calling(catalogue, countBuckets, { teamId, after })),
    [rarestPair.name]: [calling(catalogue, rarestPair, { teamId, metadata })],
    [walkMetadata.name]: [null, files[1] ?? null].map((after) =>
      calling(catalogue, walkMetadata, { teamId, metadata, rarest, after }),
    ),
    [findVisible.name]: [
      calling(catalogue, findVisible, { teamId, bucketIds: null, tags: ["a"], builds: refs }),
      calling(catalogue, findVisible, { teamId, bucketIds, tags: [], builds: refs }),
      calling(catalogue, findVisible, { teamId, bucketIds: [], tags: [], builds: refs }),
      calling(catalogue, findVisible, { teamId, bucketIds: null, tags: [], builds: [] }),
    ],
    [readSession.name]: [teamId, null].map((team) => calling(catalogue, readSession, { id: received, teamId: team })),
    [bytesOwed.name]: [calling(catalogue, bytesOwed, {})],
    [sessionFacts.name]: [[open, inThree], []].map((ids) => calling(catalogue, sessionFacts, { ids })),
    [referencedKeys.name]: [
      calling(catalogue, referencedKeys, { sessions: [received], files }),
      calling(catalogue, referencedKeys, { sessions: [], files: [] }),
    ],
    [leasedBuilds.name]: [calling(catalogue, leasedBuilds, {})],
  };
}

/** A batch that was made; the input to make it again. */
async function batchOf(world: World): Promise<BatchInput> {
  const batch = world.batch(world.on.ids.next("batch"));
  await world.on.catalogue.run(createBatch, batch);
  return batch;
}

/** A bucket that was deleted with a file in it. */
async function goneBucket(world: World): Promise<BucketId> {
  const bucketId = world.on.ids.next("bucket");
  const bucket = { id: bucketId, teamId: world.teamId, slug: "gone", name: "Gone", description: null };
  await world.on.catalogue.run(createBucket, { ...bucket, bucketsPerTeam: 100 });
  await world.on.catalogue.run(deleteBucket, { teamId: world.teamId, bucketId, force: true });
  return bucketId;
}
