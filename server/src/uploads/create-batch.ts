import { isRefusal, type Refusal } from "../errors.ts";
import type { BatchId, IdSource, TeamId } from "../ids.ts";
import {
  type BatchInput,
  type BatchItemInput,
  type BatchOutput,
  createBatch,
  type ItemBuckets,
  type TriedBatch,
  tryBatch,
} from "./batch.store.ts";
import { type BatchRequest, batchIdOf, knownBatchFields, type NamedBuckets, readBatch } from "./batch.ts";
import { type CreateDeps, SHARE_USED_UP } from "./create-session.ts";
import { fingerprintOf } from "./idempotency.ts";

export type CreatedBatch = { readonly batchId: BatchId } & (
  | BatchOutput
  | { readonly refusal: Refusal; readonly remaining: number }
);

/** Throws WharfError for what is wrong with the request itself; refusals of the transaction are returned. */
export async function createUploadBatch(
  deps: CreateDeps,
  teamId: TeamId,
  request: BatchRequest,
): Promise<CreatedBatch> {
  const input = inputOf(deps, teamId, request);
  const room = await deps.disk.roomForSession(teamId, bytesOf(input));
  if (typeof room === "string") {
    const created = await create(deps, { ...input, diskLow: true });
    const isShare = room === "team" && "refusal" in created && created.refusal.refused === "storage_full";
    return isShare ? { ...created, refusal: SHARE_USED_UP } : created;
  }
  let promised = false;
  try {
    const created = await create(deps, input);
    promised = "accepted" in created && created.made > 0;
    return created;
  } finally {
    if (!promised) room.giveBack();
  }
}

/** BAT-9. */
export async function tryUploadBatch(
  deps: CreateDeps,
  teamId: TeamId,
  request: BatchRequest,
): Promise<{ readonly batchId: BatchId; readonly tried: TriedBatch | Refusal }> {
  const input = inputOf(deps, teamId, request);
  const room = await deps.disk.roomForSession(teamId, bytesOf(input));
  if (typeof room !== "string") room.giveBack();
  const tried = await deps.catalogue.run(tryBatch, { ...input, diskLow: typeof room === "string" });
  return { batchId: input.batchId, tried };
}

async function create({ catalogue }: CreateDeps, input: BatchInput): Promise<CreatedBatch> {
  const { batchId } = input;
  const output = await catalogue.run(createBatch, input);
  if (!isRefusal(output)) return { ...output, batchId };
  const { remaining, ...refusal } = output;
  return { refusal, remaining, batchId };
}

function inputOf({ config, ids }: CreateDeps, teamId: TeamId, request: BatchRequest): BatchInput {
  const { key, shared, items } = readBatch(request, config.maxFileBytes);
  return {
    teamId,
    batchId: batchIdOf(teamId, key),
    fingerprint: fingerprintOf(knownBatchFields(request)),
    shared: shared === null ? null : withIds(ids, shared),
    items: items.map((item): BatchItemInput => {
      const sessionId = ids.next("sess");
      if ("error" in item) return { ...item, sessionId, wanted: null };
      const { clientFileId, own, ...fields } = item;
      const buckets = own === null ? null : withIds(ids, own);
      return { clientFileId, sessionId, error: null, wanted: { ...fields, buckets } };
    }),
    ttlMs: config.sessionTtlSeconds * 1000,
    createsPerSecond: config.createsPerSecond,
    bucketsPerTeam: config.bucketsPerTeam,
    diskLow: false,
  };
}

function withIds(ids: IdSource, named: NamedBuckets): ItemBuckets {
  return { ...named, newBucketIds: named.buckets.map(() => ids.next("bucket")) };
}

function bytesOf({ items }: BatchInput): number {
  return items.reduce((sum, { wanted }) => sum + (wanted?.sizeBytes ?? 0), 0);
}
