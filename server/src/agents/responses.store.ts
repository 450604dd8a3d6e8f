import { readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS, lockFile, NO_LOCKS } from "../catalogue/locks.ts";
import type { ResponsesTable } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { FileId, ResponseId, TeamId } from "../ids.ts";
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

/**
 * Keeps an answer. A file that was deleted while it was written is blanked in it at once: its removal (blankQuotes) may have looked
 * already. Whoever deletes one holds its lock.
 */
export const keepResponse = writeOperation(
  "agents.keepResponse",
  ({ answer }: KeptResponse & { teamId: TeamId }) => quotedFiles(answer).map(LOCKS.file),
  async ({ db, now }, { teamId, question, answer }): Promise<void> => {
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
    await db
      .insertInto("responses")
      .values({
        id: answer.id,
        team_id: teamId,
        conversation_id: answer.conversationId,
        previous_id: answer.previousId,
        question,
        answer: JSON.stringify(kept),
        created_at: answer.createdAt,
        expires_at: now + AGENT_LIMITS.keepMs,
      })
      .execute();
    for (const file_id of quotedFiles(kept))
      await db.insertInto("response_quotes").values({ file_id, response_id: answer.id }).execute();
  },
);

/** Null when there is none, or it is too old. */
export const findResponse = readOperation(
  "agents.findResponse",
  async (tx, ref: ResponseRef): Promise<KeptResponse | null> => {
    const row = await rowAt(tx, ref);
    return row === undefined ? null : toKept(row);
  },
);

/** The newest turns of a conversation, up to and with a response when one is named; oldest first, without blanked ones. */
export const readTurns = readOperation(
  "agents.readTurns",
  async (
    { db, now },
    {
      teamId,
      conversationId,
      upTo,
    }: { teamId: TeamId; conversationId: string; upTo: Pick<Answer, "id" | "createdAt"> | null },
  ): Promise<readonly Turn[]> => {
    let query = db
      .selectFrom("responses")
      .selectAll()
      .where("team_id", "=", teamId)
      .where("conversation_id", "=", conversationId)
      .where("expires_at", ">", now)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(AGENT_LIMITS.conversationTurns);
    if (upTo !== null)
      query = query
        .where("created_at", "<=", upTo.createdAt)
        .where((by) => by.or([by("created_at", "<", upTo.createdAt), by("id", "<=", upTo.id)]));
    const kept = (await query.execute()).map(toKept).reverse();
    return kept
      .filter(({ answer }) => answer.text !== BLANKED)
      .map(({ question, answer }) => ({ question, answer: answer.text }));
  },
);

export const deleteResponse = writeOperation(
  "agents.deleteResponse",
  ({ id }: ResponseRef) => [LOCKS.response(id)],
  async (tx, ref): Promise<Refusal | null> => {
    if ((await rowAt(tx, ref)) === undefined) return refuse("response_not_found");
    await forget(tx, ref.id);
    return null;
  },
);

/**
 * Takes the words of a deleted file out of answers that were kept, at most `limit` of them; returns how many. Call again while it is `limit`.
 */
export const blankQuotes = writeOperation(
  "agents.blankQuotes",
  lockFile,
  async ({ db, lock }, { fileId, limit }: { fileId: FileId; limit: number }): Promise<number> => {
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
      if (row !== undefined)
        await db
          .updateTable("responses")
          .set({ answer: JSON.stringify(blank(toKept(row).answer, new Set([fileId]))) })
          .where("id", "=", response_id)
          .execute();
      await db
        .deleteFrom("response_quotes")
        .where("file_id", "=", fileId)
        .where("response_id", "=", response_id)
        .execute();
    }
    return quotes.length;
  },
);

/** Forgets responses whose time is over. Returns how many; call again while it is `limit`. Index responses_to_forget. */
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
    let forgotten = 0n;
    for (const { id } of old) forgotten += await forget(tx, id);
    return Number(forgotten);
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

/** How many: somebody else may have been quicker. */
async function forget({ db }: Tx, id: ResponseId): Promise<bigint> {
  await db.deleteFrom("response_quotes").where("response_id", "=", id).execute();
  return (await db.deleteFrom("responses").where("id", "=", id).executeTakeFirst()).numDeletedRows;
}

function toKept({ question, answer }: ResponsesTable): KeptResponse {
  return { question, answer: JSON.parse(answer) };
}

export const responseOperations = [keepResponse, findResponse, readTurns, deleteResponse, blankQuotes, forgetResponses];
