import { sql } from "kysely";
import type { NamedBucket } from "../buckets/named.ts";
import { findBucket, resolveBuckets } from "../buckets/resolve.store.ts";
import { type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, type Lock } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import type { UploadSessionsTable } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { BucketId, SessionId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { atLeast, moveOpenSessions, toSession } from "./session.store.ts";
import { expiryAtCreate, isExpired, type Session } from "./session.ts";

/** What a create and an item of a batch say of their file, checked; tags and metadata are JSON. */
export interface UploadFields {
  readonly filename: string;
  readonly title: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly tags: string;
  readonly metadata: string;
}

/**
 * Create, whole, as one transaction: session, missing buckets, idempotency row and admission row appear together
 * or not at all.
 */
export interface CreateInput extends UploadFields {
  readonly teamId: TeamId;
  readonly sessionId: SessionId;
  readonly buckets: readonly NamedBucket[];
  readonly createMissingBuckets: boolean;
  /** One for each wish: those of the buckets that are made. */
  readonly newBucketIds: readonly BucketId[];
  readonly idempotency: Idempotency | null;
  readonly ttlMs: number;
  readonly createsPerSecond: number;
  readonly bucketsPerTeam: number;
  /**
   * Whether the disk is below its reserve; judged here so that replays still answer (order of checks in contract §2).
   */
  readonly diskLow: boolean;
}

/** IDE-1: a key is one of a team and an operation. */
export interface Idempotency {
  /** `upload`: with its bytes, in one call (CON-2). */
  readonly operation: "create" | "upload";
  readonly key: string;
  readonly fingerprint: string;
}

export type CreateOutput =
  | { readonly session: Session; readonly replayed: boolean; readonly remaining: number }
  | (Refusal & { readonly remaining: number });

export const createSession = writeOperation(
  "uploads.createSession",
  locksOfCreate,
  async (tx, input: CreateInput): Promise<CreateOutput> => {
    const created = await admitCreate(tx, input);
    if (!("refused" in created) && !created.replayed) await moveOpenSessions(tx, { teamId: input.teamId, by: 1 });
    return created;
  },
);

export function locksOfCreate({ teamId, idempotency }: CreateInput): readonly Lock[] {
  const creates = LOCKS.creates(teamId);
  if (idempotency === null) return [creates];
  return [creates, LOCKS.idempotencyKey(teamId, idempotency.operation, idempotency.key)];
}

/**
 * All of a create but the team's count of open sessions. Order of checks (contract §2): idempotency, buckets,
 * capacity, rate limit last. A refusal leaves no row.
 */
export async function admitCreate(tx: Tx, input: CreateInput): Promise<CreateOutput> {
  const { teamId } = input;
  const [team] = await readTeam(tx, { teamId, after: tx.now - LIMITS.rateWindowMs, now: tx.now });
  if (team === undefined) throw new Error("the caller's team is gone");
  const remaining = Math.max(0, input.createsPerSecond - (team.creates ?? 0));
  const earlier = await findEarlier(tx, input);
  if (earlier !== null) {
    const answer = await replay(tx, input, earlier);
    return "refused" in answer ? { ...answer, remaining } : { session: answer, replayed: true, remaining };
  }
  const buckets = await resolveBuckets(tx, input);
  if ("refused" in buckets) return { ...buckets, remaining };
  const full = atCapacity(input, team.open_sessions);
  if (full !== null) return { ...full, remaining };
  if (remaining === 0) return { ...refuse("rate_limited"), remaining };
  const session = await insertSession(tx, input, buckets.ids);
  return { session, replayed: false, remaining: remaining - 1 };
}

/**
 * LIM-1: the creates that the window of one second before now holds, exactly, and the team's open sessions. (A token
 * bucket of burst 5 and 5 a second lets 10 through in one second.) A time after now counts as absent. A row for each
 * commit, so at most a thousand are summed.
 */
export const readTeam = prepared((db, $: Bind<{ teamId: TeamId; after: number; now: number }>) =>
  db
    .selectFrom("teams")
    .select(({ selectFrom }) => [
      "open_sessions",
      selectFrom("create_admissions")
        .select(({ fn }) => fn.sum<number>("creates").as("creates"))
        .where("team_id", "=", $("teamId"))
        .where("at", ">", $("after"))
        .where("at", "<=", $("now"))
        .as("creates"),
    ])
    .where("id", "=", $("teamId")),
);

export interface Earlier {
  readonly fingerprint: string;
  readonly session: Session;
}

export const findKey = prepared((db, $: Bind<{ teamId: TeamId; operation: string; key: string }>) =>
  db
    .selectFrom("idempotency_keys")
    .select(["session_id", "fingerprint"])
    .where("team_id", "=", $("teamId"))
    .where("operation", "=", $("operation"))
    .where("key", "=", $("key")),
);

/** The session that this key made, while it can still be replayed. IDE-8: one that ended unfinalized starts afresh. */
async function findEarlier(tx: Tx, input: CreateInput): Promise<Earlier | null> {
  if (input.idempotency === null) return null;
  const [key] = await findKey(tx, { ...input.idempotency, teamId: input.teamId });
  if (key !== undefined) await tx.lock(LOCKS.session(key.session_id));
  return findByKey(tx, input);
}

/** The same for a read, which locks nothing. */
export async function findByKey(
  tx: Tx,
  { teamId, idempotency }: Pick<CreateInput, "teamId" | "idempotency">,
): Promise<Earlier | null> {
  if (idempotency === null) return null;
  const [key] = await findKey(tx, { ...idempotency, teamId });
  if (key === undefined) return null;
  const row = await tx.db.selectFrom("upload_sessions").selectAll().where("id", "=", key.session_id).executeTakeFirst();
  if (row === undefined || row.state === "cancelled") return null;
  const session = toSession(row);
  if (isExpired(session, tx.now) || (await isStranded(tx, session))) return null;
  return { fingerprint: key.fingerprint, session };
}

/**
 * Not finalized, and all of its buckets are gone: finalize has nowhere to put it any more (FIN-5), so that its key
 * starts afresh, as that of one which ended (IDE-8). Renewed, it would be in the way of a nightly job for ever.
 */
export async function isStranded(tx: Tx, { state, teamId, bucketIds }: Session): Promise<boolean> {
  if (state === "finalized") return false;
  for (const id of bucketIds) if ((await findBucket(tx, teamId, id)) !== undefined) return false;
  return true;
}

export function isOtherBody({ idempotency }: Pick<CreateInput, "idempotency">, earlier: Earlier): boolean {
  return earlier.fingerprint !== idempotency?.fingerprint;
}

/** IDE-3. What came in one call is a file already. */
export function reusedKey({ id, fileId }: Session, operation: Idempotency["operation"] = "create"): Refusal {
  const wayOut = operation === "create" ? `, or give up the first upload with DELETE ${SESSIONS}/${id}` : "";
  return refuse("idempotency_key_reused", {
    message: `This Idempotency-Key was used with another body. Use a new key${wayOut}.`,
    details: { session_id: id, ...(operation === "upload" && fileId !== null ? { file_id: fileId } : {}) },
  });
}

const SESSIONS = "/v1/knowledge/files/upload-session";

/**
 * IDE-2, IDE-6: the same session with a fresh expiry; it and its key live on from now (IDE-5). IDE-3: another
 * body is refused.
 */
export async function replay(
  tx: Tx,
  input: Pick<CreateInput, "teamId" | "idempotency" | "ttlMs">,
  earlier: Earlier,
): Promise<Session | Refusal> {
  const { now } = tx;
  const id = earlier.session.id;
  if (input.idempotency === null || isOtherBody(input, earlier))
    return reusedKey(earlier.session, input.idempotency?.operation);
  await useKey(tx, { ...input.idempotency, teamId: input.teamId, sessionId: id, now });
  return renewSession(tx, id, input.ttlMs);
}

/** From now it is remembered anew (IDE-5), as long as it is this session's. */
export const useKey = prepared(
  (db, $: Bind<Pick<Idempotency, "operation" | "key"> & { teamId: TeamId; sessionId: SessionId; now: number }>) =>
    db
      .updateTable("idempotency_keys")
      .set({ last_used_at: $("now") })
      .where("team_id", "=", $("teamId"))
      .where("operation", "=", $("operation"))
      .where("key", "=", $("key"))
      .where("session_id", "=", $("sessionId")),
);

/** A replay is a use: the session lives on from now, whatever its state. */
export async function renewSession({ db, now }: Tx, id: SessionId, ttlMs: number): Promise<Session> {
  const renewed = await db
    .updateTable("upload_sessions")
    .set({ updated_at: now, expires_at: atLeast(expiryAtCreate(now, ttlMs)) })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toSession(renewed);
}

/** Whether there is room for so many more sessions. */
export function atCapacity(input: Pick<CreateInput, "diskLow">, openSessions: number, more = 1): Refusal | null {
  if (input.diskLow) return refuse("storage_full");
  if (openSessions + more <= LIMITS.openSessionsPerTeam) return null;
  return refuse("overloaded", {
    message: `The team has ${LIMITS.openSessionsPerTeam} open upload sessions, the most there may be. Finalize or cancel some, or wait until they expire.`,
    details: { max_open_sessions: LIMITS.openSessionsPerTeam },
  });
}

/** All values come in; only those that every new session shares stand in the statement. */
const insertRow = prepared((db, $: Bind<Omit<UploadSessionsTable, keyof typeof NEW_SESSION>>) =>
  db.insertInto("upload_sessions").values({
    ...NEW_SESSION,
    id: $("id"),
    team_id: $("team_id"),
    filename: $("filename"),
    title: $("title"),
    content_type: $("content_type"),
    size_bytes: $("size_bytes"),
    tags: $("tags"),
    metadata: $("metadata"),
    bucket_ids: $("bucket_ids"),
    created_at: $("created_at"),
    updated_at: $("updated_at"),
    expires_at: $("expires_at"),
  }),
);

const NEW_SESSION = {
  state: "open",
  writer_epoch: 0,
  received_bytes: 0,
  segments: "[]",
  digest_state: null,
  md5: null,
  crc32c: null,
  received_at: null,
  ended_at: null,
  sha256: null,
  file_id: null,
  task_id: null,
} as const;

const admit = prepared((db, $: Bind<{ teamId: TeamId; now: number }>) =>
  db
    .insertInto("create_admissions")
    .values({ team_id: $("teamId"), at: $("now"), creates: 1 })
    .onConflict((conflict) =>
      conflict.columns(["team_id", "at"]).doUpdateSet({ creates: sql<number>`create_admissions.creates + 1` }),
    ),
);

const forgetAdmissions = prepared((db, $: Bind<{ teamId: TeamId; before: number }>) =>
  db.deleteFrom("create_admissions").where("team_id", "=", $("teamId")).where("at", "<", $("before")),
);

async function insertSession(tx: Tx, input: CreateInput, bucketIds: readonly BucketId[]): Promise<Session> {
  const { now } = tx;
  const { teamId, sessionId } = input;
  const session = await insertSessionRow(tx, { ...input, bucketIds });
  await countCreate(tx, teamId);
  if (input.idempotency !== null) await rememberKey(tx, { ...input.idempotency, teamId, sessionId, now });
  return session;
}

/** What a create and an item of a batch say of their session. */
export interface NewSession extends UploadFields, Pick<CreateInput, "teamId" | "sessionId" | "ttlMs"> {
  readonly bucketIds: readonly BucketId[];
}

export async function insertSessionRow(tx: Tx, session: NewSession): Promise<Session> {
  const { now } = tx;
  const row = {
    id: session.sessionId,
    team_id: session.teamId,
    filename: session.filename,
    title: session.title,
    content_type: session.contentType,
    size_bytes: session.sizeBytes,
    tags: session.tags,
    metadata: session.metadata,
    bucket_ids: JSON.stringify(session.bucketIds),
    created_at: now,
    updated_at: now,
    expires_at: expiryAtCreate(now, session.ttlMs),
  };
  await insertRow(tx, row);
  return toSession({ ...NEW_SESSION, ...row });
}

/** LIM-1: one more in the window. */
export async function countCreate(tx: Tx, teamId: TeamId): Promise<void> {
  const { now } = tx;
  await admit(tx, { teamId, now });
  await forgetAdmissions(tx, { teamId, before: now - LIMITS.admissionRetentionMs });
}

export const rememberKey = prepared(
  (db, $: Bind<Idempotency & { teamId: TeamId; sessionId: SessionId; now: number }>) => {
    const values = {
      fingerprint: $("fingerprint"),
      session_id: $("sessionId"),
      created_at: $("now"),
      last_used_at: $("now"),
    };
    return db
      .insertInto("idempotency_keys")
      .values({ team_id: $("teamId"), operation: $("operation"), key: $("key"), ...values })
      .onConflict((conflict) => conflict.columns(["team_id", "operation", "key"]).doUpdateSet(values));
  },
);

export const createOperations = [createSession];
