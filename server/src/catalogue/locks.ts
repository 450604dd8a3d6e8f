import type { FileId, KeyId, ResponseId, SessionId, TaskId, TeamId } from "../ids.ts";
import type { TaskLane } from "./schema.ts";

/**
 * What an operation has to itself while it runs. SQLite's one writer has everything to itself, and ignores them; an
 * engine whose writers run in parallel takes them before it reads the clock (decision 0038).
 *
 * They are taken in the order of this list, and within a kind in the order of ids, so that no two operations wait for
 * each other. It is also the order from few to many: the first kinds are wide and rare.
 */
export const LOCK_KINDS = [
  /** Whether there is a team at all, and which slugs name one. */
  "teams",
  "apiKey",
  /**
   * A team's creates: its rate limit, its cap of open sessions and its bucket slugs are counted, then written. Nothing
   * else takes it.
   */
  "creates",
  "idempotencyKey",
  /** A team's agent profiles: they are counted, then written. */
  "profiles",
  /** What a team's kept answers are together: it is read, then the oldest go. */
  "keptResponses",
  /** Who is next: claims take turns. */
  "claims",
  "session",
  /** A file with its tasks and memberships. */
  "file",
  /** A team's line in one lane: the end of it is read, and a place after it written. */
  "line",
  /** A kept answer of an agent, with what says which files it quotes. */
  "response",
] as const;
export type LockKind = (typeof LOCK_KINDS)[number];

export interface Lock {
  readonly kind: LockKind;
  readonly id: string;
  /**
   * `id` is the task of the file that is meant: an engine looks it up before it locks, since a task's file never
   * changes.
   */
  readonly ofTask?: true;
}

export const LOCKS = {
  teams: { kind: "teams", id: "" },
  apiKey: (id: KeyId): Lock => ({ kind: "apiKey", id }),
  creates: (team: TeamId): Lock => ({ kind: "creates", id: team }),
  idempotencyKey: (team: TeamId, operation: string, key: string): Lock => ({
    kind: "idempotencyKey",
    id: `${team} ${operation} ${key}`,
  }),
  profiles: (team: TeamId): Lock => ({ kind: "profiles", id: team }),
  keptResponses: (team: TeamId): Lock => ({ kind: "keptResponses", id: team }),
  claims: { kind: "claims", id: "" },
  session: (id: SessionId): Lock => ({ kind: "session", id }),
  file: (id: FileId): Lock => ({ kind: "file", id }),
  fileOfTask: (id: TaskId): Lock => ({ kind: "file", id, ofTask: true }),
  line: (team: TeamId, lane: TaskLane): Lock => ({ kind: "line", id: `${team} ${lane}` }),
  response: (id: ResponseId): Lock => ({ kind: "response", id }),
} as const;

/** What most operations lock, by their input. */
export const lockFile = ({ fileId }: { readonly fileId: FileId }): readonly Lock[] => [LOCKS.file(fileId)];
export const lockFileOfTask = ({ taskId }: { readonly taskId: TaskId }): readonly Lock[] => [LOCKS.fileOfTask(taskId)];
export const lockSession = ({ id }: { readonly id: SessionId }): readonly Lock[] => [LOCKS.session(id)];

/** For operations whose one statement decides by itself, or whose input names nothing that others share. */
export const NO_LOCKS = (): readonly Lock[] => [];
