import type { NamedBucket } from "../buckets/named.ts";
import { type BucketWishes, judgeBuckets, resolveBuckets } from "../buckets/resolve.store.ts";
import { readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, NO_LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { BatchItemsTable } from "../catalogue/schema.ts";
import { CATALOGUE, type Refusal, refuse } from "../errors.ts";
import type { BatchId, BucketId, SessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { ItemError } from "./batch.ts";
import {
  atCapacity,
  countCreate,
  type Earlier,
  findByKey,
  findKey,
  type Idempotency,
  insertSessionRow,
  isOtherBody,
  isStranded,
  readTeam,
  rememberKey,
  renewSession,
  replay,
  reusedKey,
  type UploadFields,
  useKey,
} from "./create.store.ts";
import { moveOpenSessions, toSession } from "./session.store.ts";
import { isExpired, type Session } from "./session.ts";

/** An item as the request's own words leave it: judged good so far, or rejected already. */
export interface BatchItemInput {
  readonly clientFileId: string;
  readonly sessionId: SessionId;
  readonly wanted: WantedItem | null;
  /** Why it is rejected; null exactly when it is wanted. */
  readonly error: ItemError | null;
}

export interface WantedItem extends UploadFields {
  /** Its own; null: the shared ones. */
  readonly buckets: ItemBuckets | null;
  /** Its own, as of a create alone; null: it has none. */
  readonly idempotency: Idempotency | null;
}

export interface ItemBuckets {
  readonly buckets: readonly NamedBucket[];
  readonly createMissingBuckets: boolean;
  /** One for each: those of the buckets that are made. */
  readonly newBucketIds: readonly BucketId[];
}

export interface BatchInput {
  readonly teamId: TeamId;
  readonly batchId: BatchId;
  readonly fingerprint: string;
  readonly shared: ItemBuckets | null;
  readonly items: readonly BatchItemInput[];
  readonly ttlMs: number;
  readonly createsPerSecond: number;
  readonly bucketsPerTeam: number;
  readonly diskLow: boolean;
}

export interface BatchOutput {
  readonly accepted: readonly AcceptedItem[];
  readonly rejected: readonly { readonly clientFileId: string; readonly error: ItemError }[];
  /** New sessions among them. */
  readonly made: number;
  /** Nothing was made: all of it was there. */
  readonly replayed: boolean;
  readonly remaining: number;
}

export interface AcceptedItem {
  readonly clientFileId: string;
  readonly session: Session;
  /** It was there: its bytes may be, too, and so may its file. */
  readonly replayed: boolean;
}

const OPERATION = "batch";

/**
 * A batch, whole, as one transaction: its sessions, missing buckets, its row and one admission (LIM-3) appear together
 * or not at all. Sent again, each item keeps its session while that can be replayed, and any other is judged afresh
 * (BAT-8, BAT-10). An item with a key of its own is the create that has that key (BAT-11), in this batch, in another
 * one or alone. Order of checks as in a create: idempotency, buckets, capacity, rate limit last.
 */
export const createBatch = writeOperation(
  "uploads.createBatch",
  ({ teamId, batchId, items }: BatchInput) => [
    LOCKS.creates(teamId),
    LOCKS.idempotencyKey(teamId, OPERATION, batchId),
    ...keysOf(items).map(({ operation, key }) => LOCKS.idempotencyKey(teamId, operation, key)),
  ],
  async (tx, input: BatchInput): Promise<BatchOutput | (Refusal & { readonly remaining: number })> => {
    const { teamId } = input;
    const [team] = await readTeam(tx, { teamId, after: tx.now - LIMITS.rateWindowMs, now: tx.now });
    if (team === undefined) throw new Error("the caller's team is gone");
    const remaining = Math.max(0, input.createsPerSecond - (team.creates ?? 0));
    const earlier = await findEarlier(tx, input, true);
    if ("refused" in earlier) return { ...earlier, remaining };
    const judged = await judgeItems(tx, input, earlier.kept, resolveBuckets);
    if ("refused" in judged) return { ...judged, remaining };
    const made = judged.fresh.length;
    const counts = made > 0 || !earlier.exists;
    const full = made === 0 ? null : atCapacity(input, team.open_sessions, made);
    if (full !== null) return { ...full, remaining };
    if (counts && remaining === 0) return { ...refuse("rate_limited"), remaining };
    const sessions = await makeSessions(tx, input, earlier.kept, judged);
    if (counts) await countCreate(tx, teamId);
    await remember(tx, input, earlier.exists, sessions, judged.rejected);
    if (made > 0) await moveOpenSessions(tx, { teamId, by: made });
    const fresh = new Set(judged.fresh.map(({ item }) => item.clientFileId));
    const accepted = input.items.flatMap(({ clientFileId }) => {
      const session = sessions.get(clientFileId);
      return session === undefined ? [] : [{ clientFileId, session, replayed: !fresh.has(clientFileId) }];
    });
    return {
      accepted,
      rejected: inOrder(input, judged.rejected),
      made,
      replayed: !counts,
      remaining: remaining - (counts ? 1 : 0),
    };
  },
);

/** BAT-9: what `createBatch` would say of it, and nothing is made or counted. */
export const tryBatch = readOperation(
  "uploads.tryBatch",
  async (tx, input: BatchInput): Promise<TriedBatch | Refusal> => {
    const [team] = await readTeam(tx, { teamId: input.teamId, after: tx.now, now: tx.now });
    const earlier = await findEarlier(tx, input, false);
    if ("refused" in earlier) return earlier;
    const judged = await judgeItems(tx, input, earlier.kept, async (of, wishes) => {
      const found = await judgeBuckets(of, wishes);
      return "refused" in found ? found : { ids: [...found.ids, ...found.missing.values()] };
    });
    if ("refused" in judged) return judged;
    const full = judged.fresh.length === 0 ? null : atCapacity(input, team?.open_sessions ?? 0, judged.fresh.length);
    if (full !== null) return full;
    const rejected = new Set(judged.rejected.map((item) => item.clientFileId));
    const accepted = input.items.map((item) => item.clientFileId).filter((id) => !rejected.has(id));
    return { accepted, rejected: inOrder(input, judged.rejected) };
  },
);

export interface TriedBatch {
  readonly accepted: readonly string[];
  readonly rejected: BatchOutput["rejected"];
}

interface EarlierBatch {
  readonly exists: boolean;
  /** By client_file_id: sessions that can be replayed. */
  readonly kept: ReadonlyMap<string, Session>;
}

/**
 * Another body is refused as long as something of the first one is under way or came to something: else it begins
 * afresh (IDE-8).
 */
async function findEarlier(tx: Tx, input: BatchInput, locked: boolean): Promise<EarlierBatch | Refusal> {
  const { teamId, batchId } = input;
  const ofKeys = locked ? await sessionsOfKeys(tx, input) : [];
  const batch = await tx.db
    .selectFrom("batches")
    .select("fingerprint")
    .where("id", "=", batchId)
    .where("team_id", "=", teamId)
    .executeTakeFirst();
  if (batch === undefined) {
    if (locked) await tx.lock(...ofKeys.map(LOCKS.session));
    return { exists: false, kept: new Map() };
  }
  const items = await tx.db
    .selectFrom("batch_items")
    .select(["client_file_id", "session_id"])
    .where("batch_id", "=", batchId)
    .execute();
  const ids = items.flatMap(({ session_id: id }) => id ?? []);
  if (locked) await tx.lock(...[...ids, ...ofKeys].map(LOCKS.session));
  const rows =
    ids.length === 0 ? [] : await tx.db.selectFrom("upload_sessions").selectAll().where("id", "in", ids).execute();
  const live: Session[] = [];
  for (const session of rows.map(toSession)) {
    const hasEnded = session.state === "cancelled" || isExpired(session, tx.now) || (await isStranded(tx, session));
    if (!hasEnded) live.push(session);
  }
  if (batch.fingerprint !== input.fingerprint && live.length > 0)
    return refuse("idempotency_key_reused", {
      message:
        "This batch_idempotency_key was used with another body. Use a new key, or give the first batch's open uploads up with DELETE /v1/knowledge/files/upload-session/{id}.",
      details: { batch_id: batchId },
    });
  const byId = new Map(live.map((session) => [session.id, session]));
  const kept = items.flatMap(({ client_file_id: name, session_id: id }) => {
    const session = id === null ? undefined : byId.get(id);
    return session === undefined ? [] : [[name, session] as const];
  });
  return { exists: true, kept: new Map(kept) };
}

function keysOf(items: readonly BatchItemInput[]): readonly Idempotency[] {
  return items.flatMap(({ wanted }) => wanted?.idempotency ?? []);
}

/** All at once, before any is read: sessions are locked in the order of their ids. */
async function sessionsOfKeys(tx: Tx, { teamId, items }: BatchInput): Promise<readonly SessionId[]> {
  const ids: SessionId[] = [];
  for (const key of keysOf(items)) for (const row of await findKey(tx, { ...key, teamId })) ids.push(row.session_id);
  return ids;
}

interface FreshItem {
  readonly item: BatchItemInput;
  readonly wanted: WantedItem;
  readonly bucketIds: readonly BucketId[];
}

interface JudgedItems {
  readonly fresh: readonly FreshItem[];
  /** Their own keys have made them already. */
  readonly earlier: readonly EarlierItem[];
  readonly rejected: BatchOutput["rejected"];
}

interface EarlierItem {
  readonly clientFileId: string;
  readonly idempotency: Idempotency | null;
  readonly found: Earlier;
}

type Resolve = (tx: Tx, wishes: BucketWishes) => Promise<{ readonly ids: readonly BucketId[] } | Refusal>;

/** An unresolved bucket of its own rejects an item, a shared one the request (contract §12 batch). */
async function judgeItems(
  tx: Tx,
  input: BatchInput,
  kept: ReadonlyMap<string, Session>,
  resolve: Resolve,
): Promise<JudgedItems | Refusal> {
  const { teamId, bucketsPerTeam } = input;
  const fresh: FreshItem[] = [];
  const earlier: EarlierItem[] = [];
  const rejected: { clientFileId: string; error: ItemError }[] = [];
  const open: WantedBatchItem[] = [];
  for (const item of input.items.filter(({ clientFileId }) => !kept.has(clientFileId))) {
    const { clientFileId, wanted, error } = item;
    if (wanted === null) {
      if (error !== null) rejected.push({ clientFileId, error });
      continue;
    }
    const { idempotency } = wanted;
    const found = await findByKey(tx, { teamId, idempotency });
    if (found === null) open.push({ item, wanted });
    else if (isOtherBody({ idempotency }, found))
      rejected.push({ clientFileId, error: errorOf(reusedKey(found.session)) });
    else earlier.push({ clientFileId, idempotency, found });
  }
  const wish = (of: ItemBuckets) => resolve(tx, { ...of, teamId, bucketsPerTeam });
  const shared = input.shared === null || open.length === 0 ? null : await wish(input.shared);
  if (shared !== null && "refused" in shared) return shared;
  for (const { item, wanted } of open) {
    const found = wanted.buckets === null ? shared : await wish(wanted.buckets);
    if (found === null) throw new Error("an item without buckets of its own has shared ones");
    if ("refused" in found) rejected.push({ clientFileId: item.clientFileId, error: errorOf(found) });
    else fresh.push({ item, wanted, bucketIds: found.ids });
  }
  return { fresh, earlier, rejected };
}

interface WantedBatchItem {
  readonly item: BatchItemInput;
  readonly wanted: WantedItem;
}

function inOrder({ items }: BatchInput, rejected: BatchOutput["rejected"]): BatchOutput["rejected"] {
  const byName = new Map(rejected.map((one) => [one.clientFileId, one]));
  return items.flatMap(({ clientFileId }) => byName.get(clientFileId) ?? []);
}

function errorOf({ refused: code, message, details }: Refusal): ItemError {
  const { say, retryable } = CATALOGUE[code];
  return { code, message: message ?? say, retryable, details: details ?? {} };
}

/** By client_file_id: those that are kept, renewed, and the new ones. */
async function makeSessions(
  tx: Tx,
  { teamId, ttlMs, items }: BatchInput,
  kept: ReadonlyMap<string, Session>,
  { fresh, earlier }: JudgedItems,
): Promise<ReadonlyMap<string, Session>> {
  const { now } = tx;
  const sessions = new Map<string, Session>();
  const keyOf = new Map(items.map(({ clientFileId, wanted }) => [clientFileId, wanted?.idempotency ?? null]));
  for (const [name, { id }] of kept) {
    sessions.set(name, await renewSession(tx, id, ttlMs));
    const idempotency = keyOf.get(name) ?? null;
    if (idempotency === null) continue;
    const key = { ...idempotency, teamId, sessionId: id, now };
    // As long as its batch: one that was forgotten, or is forgotten before it, would make a second file of it alone.
    if ((await findByKey(tx, { teamId, idempotency })) === null) await rememberKey(tx, key);
    else await useKey(tx, key);
  }
  for (const { clientFileId, idempotency, found } of earlier) {
    const session = await replay(tx, { teamId, idempotency, ttlMs }, found);
    if ("refused" in session) throw new Error(`${found.session.id} was judged to be replayed`);
    sessions.set(clientFileId, session);
  }
  for (const { item, wanted, bucketIds } of fresh) {
    const { sessionId } = item;
    sessions.set(item.clientFileId, await insertSessionRow(tx, { ...wanted, sessionId, teamId, ttlMs, bucketIds }));
    if (wanted.idempotency !== null) await rememberKey(tx, { ...wanted.idempotency, teamId, sessionId, now });
  }
  return sessions;
}

const insertItem = prepared((db, $: Bind<BatchItemsTable>) =>
  db.insertInto("batch_items").values({
    batch_id: $("batch_id"),
    client_file_id: $("client_file_id"),
    place: $("place"),
    session_id: $("session_id"),
    error: $("error"),
  }),
);

async function remember(
  tx: Tx,
  { teamId, batchId: id, fingerprint, items }: BatchInput,
  exists: boolean,
  sessions: ReadonlyMap<string, Session>,
  rejected: BatchOutput["rejected"],
): Promise<void> {
  const { db, now } = tx;
  if (exists) await db.updateTable("batches").set({ fingerprint, last_used_at: now }).where("id", "=", id).execute();
  else
    await db
      .insertInto("batches")
      .values({ id, team_id: teamId, fingerprint, created_at: now, last_used_at: now })
      .execute();
  await db.deleteFrom("batch_items").where("batch_id", "=", id).execute();
  const errors = new Map(rejected.map((item) => [item.clientFileId, JSON.stringify(item.error)]));
  for (const [place, { clientFileId }] of items.entries())
    await insertItem(tx, {
      batch_id: id,
      client_file_id: clientFileId,
      place,
      session_id: sessions.get(clientFileId)?.id ?? null,
      error: errors.get(clientFileId) ?? null,
    });
}

/**
 * Batches that nobody used for as long as a session is remembered: by then each of its sessions has ended. Returns how
 * many went; call again while it is `limit`. Index batches_to_forget.
 */
export const forgetBatches = writeOperation(
  "uploads.forgetBatches",
  NO_LOCKS,
  async ({ db, now, lock }, { limit }: { limit: number }): Promise<number> => {
    const before = now - LIMITS.sessionRetentionMs;
    const old = await db
      .selectFrom("batches")
      .select(["id", "team_id"])
      .where("last_used_at", "<", before)
      .orderBy("last_used_at")
      .limit(limit)
      .execute();
    // What is used again before the locks were there stays.
    await lock(...old.map(({ id, team_id }) => LOCKS.idempotencyKey(team_id, OPERATION, id)));
    let gone = 0;
    for (const { id } of old) {
      const still = await db
        .selectFrom("batches")
        .select("id")
        .where("id", "=", id)
        .where("last_used_at", "<", before)
        .executeTakeFirst();
      if (still === undefined) continue;
      await db.deleteFrom("batch_items").where("batch_id", "=", id).execute();
      await db.deleteFrom("batches").where("id", "=", id).execute();
      gone += 1;
    }
    return gone;
  },
);
