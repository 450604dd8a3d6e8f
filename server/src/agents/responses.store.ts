import { LostRaceError, readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { movedCounter } from "../catalogue/counters.ts";
import { LOCKS, lockFile, NO_LOCKS } from "../catalogue/locks.ts";
import type { ResponsesTable } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import { brandId, type FileId, type ResponseId, type TeamId } from "../ids.ts";
import { type Answer, BLANKED, blank, quotedFiles } from "./answer.ts";
import { AGENT_LIMITS } from "./limits.ts";
import type { Turn } from "./writer.ts";

interface ResponseRef {
  readonly teamId: TeamId;
  readonly id: ResponseId;
}

export interface KeptResponse {
  readonly question: string;
  readonly answer: Answer;
}

export interface KeepInput extends KeptResponse {
  readonly teamId: TeamId;
  /** What the team's kept answers may be together: the oldest make room for this one. */
  readonly maxBytes: number;
}

/**
 * Keeps an answer. A file that was deleted while it was written is blanked in it at once: its removal (blankQuotes) may
 * have looked already. Whoever deletes one holds its lock.
 */
export const keepResponse = writeOperation(
  "agents.keepResponse",
  ({ teamId, answer }: KeepInput) => [LOCKS.keptResponses(teamId), ...quotedFiles(answer).map(LOCKS.file)],
  async (tx, { teamId, question, answer, maxBytes }): Promise<void> => {
    const { db, now } = tx;
    const quoted = quotedFiles(answer);
    const alive = new Set<FileId>();
    if (quoted.length > 0) {
      const rows = await db
        .selectFrom("files")
        .select("id")
        .where("team_id", "=", teamId)
        .where("id", "in", quoted)
        .where("state", "<>", "deleted")
        .execute();
      for (const { id } of rows) alive.add(id);
    }
    const kept = blank(answer, new Set(quoted.filter((file) => !alive.has(file))));
    const row = { question, answer: JSON.stringify(kept) };
    const bytes = bytesOf(row);
    const freed = await makeRoom(tx, teamId, bytes, maxBytes);
    await db
      .insertInto("responses")
      .values({
        ...row,
        id: answer.id,
        team_id: teamId,
        conversation_id: answer.conversationId,
        previous_id: answer.previousId,
        created_at: answer.createdAt,
        expires_at: now + AGENT_LIMITS.keepMs,
        bytes,
      })
      .execute();
    for (const file_id of quotedFiles(kept))
      await db.insertInto("response_quotes").values({ file_id, response_id: answer.id }).execute();
    await moveTotals(tx, [{ teamId, bytes: bytes - freed }]);
  },
);

function bytesOf({ question, answer }: Pick<ResponsesTable, "question" | "answer">): number {
  return Buffer.byteLength(question) + Buffer.byteLength(answer);
}

/** Of the oldest, as many as one answer ever needs the room of. */
const OLDEST = 1_000;

/** Lets the oldest go until `bytes` more are within `maxBytes`; how much that was. Index responses_of_team. */
async function makeRoom(tx: Tx, teamId: TeamId, bytes: number, maxBytes: number): Promise<number> {
  const total = await tx.db
    .selectFrom("response_totals")
    .select("bytes")
    .where("team_id", "=", teamId)
    .executeTakeFirst();
  const surplus = (total?.bytes ?? 0) + bytes - maxBytes;
  if (surplus <= 0) return 0;
  const oldest = await tx.db
    .selectFrom("responses")
    .select(["id", "bytes"])
    .where("team_id", "=", teamId)
    .orderBy("created_at")
    .orderBy("id")
    .limit(OLDEST)
    .execute();
  const going: ResponseId[] = [];
  let freed = 0;
  for (const { id, bytes: size } of oldest) {
    if (freed >= surplus) break;
    going.push(id);
    freed += size;
  }
  await tx.lock(...going.map(LOCKS.response));
  let gone = 0;
  for (const id of going) for (const one of await forget(tx, id)) gone += one.bytes;
  // Somebody else took or blanked one of them meanwhile: from the start again.
  if (gone !== freed) throw new LostRaceError("the oldest answers were changed");
  return gone;
}

interface Moved {
  readonly teamId: TeamId;
  readonly bytes: number;
}

/** Last in a transaction: who moves a team's total holds up the others until it commits. In one order of teams. */
async function moveTotals({ db }: Tx, moved: readonly Moved[]): Promise<void> {
  const totals = new Map<TeamId, number>();
  for (const { teamId, bytes } of moved) totals.set(teamId, (totals.get(teamId) ?? 0) + bytes);
  for (const [team_id, bytes] of [...totals].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    if (bytes !== 0)
      await db
        .insertInto("response_totals")
        .values({ team_id, bytes: Math.max(0, bytes) })
        .onConflict((conflict) =>
          conflict.column("team_id").doUpdateSet({ bytes: movedCounter("response_totals.bytes", bytes) }),
        )
        .execute();
}

/** Null when there is none, or it is too old. */
export const findResponse = readOperation(
  "agents.findResponse",
  async (tx, ref: ResponseRef): Promise<KeptResponse | null> => {
    const row = await rowAt(tx, ref);
    return row === undefined ? null : toKept(row);
  },
);

/**
 * The newest turns of a conversation; of one that branched, those that led to `upTo`, and it. Oldest first, without
 * blanked ones. A response that names its previous one continues that; any other, and one whose previous is gone,
 * continues what was said before it.
 */
export const readTurns = readOperation(
  "agents.readTurns",
  async (
    tx,
    {
      teamId,
      conversationId,
      upTo,
    }: { readonly teamId: TeamId; readonly conversationId: string; readonly upTo: ResponseId | null },
  ): Promise<readonly Turn[]> => {
    const of = { teamId, conversationId };
    const newest = upTo === null ? null : ((await rowAt(tx, { teamId, id: upTo })) ?? null);
    const rows = newest === null ? [...(await rowsBefore(tx, of, null, AGENT_LIMITS.conversationTurns))] : [newest];
    for (let last = newest; last !== null && rows.length < AGENT_LIMITS.conversationTurns; ) {
      const previous =
        last.previous_id === null ? undefined : await rowAt(tx, { teamId, id: brandId("resp", last.previous_id) });
      last = previous ?? (await rowsBefore(tx, of, last, 1))[0] ?? null;
      if (last !== null) rows.push(last);
    }
    return rows
      .map(toKept)
      .reverse()
      .filter(({ answer }) => answer.text !== BLANKED)
      .map(({ question, answer }) => ({ question, answer: answer.text }));
  },
);

/** Of a conversation, newest first. Index responses_of_conversation. */
function rowsBefore(
  { db, now }: Tx,
  { teamId, conversationId }: { readonly teamId: TeamId; readonly conversationId: string },
  before: Pick<ResponsesTable, "id" | "created_at"> | null,
  limit: number,
): Promise<readonly ResponsesTable[]> {
  let query = db
    .selectFrom("responses")
    .selectAll()
    .where("team_id", "=", teamId)
    .where("conversation_id", "=", conversationId)
    .where("expires_at", ">", now)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (before !== null)
    query = query
      .where("created_at", "<=", before.created_at)
      .where((by) => by.or([by("created_at", "<", before.created_at), by("id", "<", before.id)]));
  return query.execute();
}

export const deleteResponse = writeOperation(
  "agents.deleteResponse",
  ({ id }: ResponseRef) => [LOCKS.response(id)],
  async (tx, ref): Promise<Refusal | null> => {
    if ((await rowAt(tx, ref)) === undefined) return refuse("response_not_found");
    await moveTotals(tx, taken(await forget(tx, ref.id)));
    return null;
  },
);

/**
 * Takes the words of a deleted file out of answers that were kept, at most `limit` of them; returns how many. Call
 * again while it is `limit`.
 */
export const blankQuotes = writeOperation(
  "agents.blankQuotes",
  lockFile,
  async (tx, { fileId, limit }: { fileId: FileId; limit: number }): Promise<number> => {
    const { db, lock } = tx;
    const moved: Moved[] = [];
    const quotes = await db
      .selectFrom("response_quotes")
      .select("response_id")
      .where("file_id", "=", fileId)
      .orderBy("response_id")
      .limit(limit)
      .execute();
    // Two deleted files of one answer are blanked one after the other.
    await lock(...quotes.map(({ response_id }) => LOCKS.response(response_id)));
    for (const { response_id } of quotes) {
      const row = await db.selectFrom("responses").selectAll().where("id", "=", response_id).executeTakeFirst();
      if (row !== undefined) {
        const answer = JSON.stringify(blank(toKept(row).answer, new Set([fileId])));
        const bytes = bytesOf({ ...row, answer });
        await db.updateTable("responses").set({ answer, bytes }).where("id", "=", response_id).execute();
        moved.push({ teamId: row.team_id, bytes: bytes - row.bytes });
      }
      await db
        .deleteFrom("response_quotes")
        .where("file_id", "=", fileId)
        .where("response_id", "=", response_id)
        .execute();
    }
    await moveTotals(tx, moved);
    return quotes.length;
  },
);

/**
 * Forgets responses whose time is over. Returns how many; call again while it is `limit`. Index responses_to_forget.
 */
export const forgetResponses = writeOperation(
  "agents.forgetResponses",
  NO_LOCKS,
  async (tx, { limit }: { limit: number }): Promise<number> => {
    const old = await tx.db
      .selectFrom("responses")
      .select("id")
      .where("expires_at", "<=", tx.now)
      .orderBy("expires_at")
      .limit(limit)
      .execute();
    await tx.lock(...old.map(({ id }) => LOCKS.response(id)));
    const gone: Moved[] = [];
    for (const { id } of old) gone.push(...(await forget(tx, id)));
    await moveTotals(tx, taken(gone));
    return gone.length;
  },
);

async function rowAt({ db, now }: Tx, { teamId, id }: ResponseRef): Promise<ResponsesTable | undefined> {
  return db
    .selectFrom("responses")
    .selectAll()
    .where("id", "=", id)
    .where("team_id", "=", teamId)
    .where("expires_at", ">", now)
    .executeTakeFirst();
}

/** What went, of whom; nothing: somebody else was quicker. */
async function forget({ db }: Tx, id: ResponseId): Promise<readonly Moved[]> {
  await db.deleteFrom("response_quotes").where("response_id", "=", id).execute();
  return db.deleteFrom("responses").where("id", "=", id).returning(["team_id as teamId", "bytes"]).execute();
}

function taken(gone: readonly Moved[]): readonly Moved[] {
  return gone.map(({ teamId, bytes }) => ({ teamId, bytes: -bytes }));
}

function toKept({ question, answer }: ResponsesTable): KeptResponse {
  return { question, answer: JSON.parse(answer) };
}

export const responseOperations = [keepResponse, findResponse, readTurns, deleteResponse, blankQuotes, forgetResponses];
