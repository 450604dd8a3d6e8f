import type { DatabaseSync } from "node:sqlite";
import { LIMITS } from "../limits.ts";
import { openDatabase, SQLITE_CODES, sqliteCodeOf } from "../sqlite/open-database.ts";
import type { Answer, Call } from "../sqlite/thread-protocol.ts";
import {
  copyLog,
  isLogLong,
  restartLog,
  truncateLog,
  WAL_CHECKPOINT_BYTES,
  walBytes,
} from "../sqlite/wal-checkpoint.ts";
import {
  IndexLostError,
  indexFailureOf,
  indexInode,
  indexPath,
  removeIndex,
  syncDirectory,
  teamsWithLog,
} from "./fts5-files.ts";
import type { WriterCall } from "./fts5-protocol.ts";
import { createTables, refuseOtherFormat } from "./fts5-schema.ts";
import { Fts5Writes } from "./fts5-write.ts";
import { OpenFiles } from "./open-files.ts";

/** A failed fsync is never retried: the process ends, and starts again with what is really on disk. */
export class IndexDiskError extends Error {
  override readonly name = "IndexDiskError";
}

/** All teams' files as the writer thread keeps them. Synchronous: nothing comes in between two statements. */
export class Fts5Writer {
  readonly #dir: string;
  readonly #files = new OpenFiles<WriteFile>(LIMITS.indexOpenFiles);
  /** Teams whose log may hold something. */
  readonly #logged: Set<string>;
  /** Teams of which terms of a long document are not counted yet. */
  readonly #uncounted = new Set<string>();
  /** Teams whose inverted index holds words that no chunk holds any more. */
  readonly #unmerged = new Set<string>();
  /** Teams that something was written for since their trees were merged level by level. */
  readonly #unsettled = new Set<string>();
  /**
   * Teams whose file was taken away while it was in use: what was acknowledged is gone, so nothing more is
   * until a rebuild.
   */
  readonly #lost = new Set<string>();

  constructor(dir: string) {
    this.#dir = dir;
    this.#logged = new Set(teamsWithLog(dir));
  }

  /** Runs the calls, those of one team in one commit, and answers once they are on disk. Throws IndexDiskError. */
  commit(calls: readonly Call[]): readonly Answer[] {
    const answers: Answer[] = [];
    for (const [team, ofTeam] of byTeam(calls)) answers.push(...this.#commitTeam(team, ofTeam));
    return answers;
  }

  /** One bounded step of what writes and removals left to do; false when there is nothing. */
  idleStep(): boolean {
    return (
      this.#stepOf(this.#uncounted, (file) => {
        file.writes.countTerms();
        return false;
      }) || this.#stepOf(this.#unmerged, (file) => file.writes.merge())
    );
  }

  /** The same of what can wait until nobody writes for a while; false when there is nothing. */
  quietStep(): boolean {
    return this.#stepOf(this.#unsettled, (file) => file.writes.mergeLevels());
  }

  /** `step`: whether there is more to do for the team. */
  #stepOf(teams: Set<string>, step: (file: WriteFile) => boolean): boolean {
    const [team] = teams;
    if (team === undefined) return false;
    try {
      const file = this.#fileOf(team);
      this.#logged.add(team);
      const more = file.transaction(() => step(file));
      if (!more) teams.delete(team);
    } catch (error) {
      teams.delete(team);
      if (error instanceof IndexDiskError) throw error;
      this.#files.close(team);
    }
    return true;
  }

  /** Teams whose log's file holds anything. */
  logs(): readonly string[] {
    for (const team of [...this.#logged]) if (this.#logBytes(team) === 0) this.#logged.delete(team);
    return [...this.#logged];
  }

  /** Those whose log is so long that it should begin anew. */
  longLogs(): readonly string[] {
    return [...this.#logged].filter(
      (team) => this.#logBytes(team) > WAL_CHECKPOINT_BYTES && this.#withLog(team, isLogLong),
    );
  }

  /** Copies these logs into their files; readers go on meanwhile. Throws IndexDiskError, as the next two do. */
  copyLogs(teams: readonly string[]): void {
    for (const team of teams) this.#withLog(team, copyLog);
  }

  /** Has these logs begin anew; the readers stand still meanwhile. */
  restartLogs(teams: readonly string[]): void {
    for (const team of teams) this.#withLog(team, restartLog);
  }

  /** Empties the files of these logs; the readers stand still meanwhile. */
  truncateLogs(teams: readonly string[]): void {
    for (const team of teams) if (this.#withLog(team, truncateLog)) this.#logged.delete(team);
  }

  close(): void {
    while (this.#uncounted.size > 0) this.idleStep();
    this.truncateLogs(this.logs());
    this.#files.closeAll();
  }

  #logBytes(team: string): number {
    return walBytes(indexPath(this.#dir, team));
  }

  /** False, too, when its log is gone or the whole index was thrown away: to open it would make it anew. */
  #withLog(team: string, work: (database: DatabaseSync) => boolean): boolean {
    if (!this.#logged.has(team)) return false;
    try {
      return work(this.#fileOf(team).database);
    } catch (error) {
      if (sqliteCodeOf(error) === SQLITE_CODES.IOERR) throw new IndexDiskError("a checkpoint failed", { cause: error });
      // Damaged or gone: its writes and reads say so; there is nothing to keep short.
      this.#logged.delete(team);
      this.#files.close(team);
      return false;
    }
  }

  #commitTeam(team: string, calls: readonly (Call & { readonly input: WriterCall })[]): readonly Answer[] {
    try {
      if (calls.some((call) => call.input.kind === "discard")) return calls.map((call) => this.#alone(team, call));
      const file = this.#fileOf(team);
      this.#logged.add(team);
      const answers = file.transaction(() => calls.map((call) => this.#inSavepoint(file, call)));
      this.#unsettled.add(team);
      if (file.writes.mustCountTerms()) this.#uncounted.add(team);
      if (indexInode(this.#dir, team) !== file.inode) throw this.#lose(team);
      return answers;
    } catch (error) {
      if (error instanceof IndexDiskError) throw error;
      // Rolled back as a whole. The callers are tasks: they come again, after their back-off.
      this.#files.close(team);
      return calls.map((call) => indexFailureOf(call.id, error));
    }
  }

  /** A discard ends what came before it and begins what comes after: no common commit. */
  #alone(team: string, call: Call & { readonly input: WriterCall }): Answer {
    if (call.input.kind !== "discard")
      return this.#commitTeam(team, [call])[0] ?? indexFailureOf(call.id, new Error("no answer"));
    this.#files.close(team);
    for (const set of [this.#logged, this.#uncounted, this.#unmerged, this.#unsettled, this.#lost]) set.delete(team);
    removeIndex(this.#dir, team);
    return { id: call.id, output: null };
  }

  #inSavepoint(file: WriteFile, call: Call & { readonly input: WriterCall }): Answer {
    let output: unknown;
    file.database.exec("SAVEPOINT work");
    try {
      output = this.#run(file, call.input);
    } catch (error) {
      // Full, I/O error, out of memory: SQLite has rolled everything back, and the others of the batch share it.
      if (!file.database.isTransaction || sqliteCodeOf(error) === SQLITE_CODES.CORRUPT) throw error;
      file.database.exec("ROLLBACK TO work");
      file.database.exec("RELEASE work");
      return indexFailureOf(call.id, error);
    }
    file.database.exec("RELEASE work");
    return { id: call.id, output };
  }

  #run(file: WriteFile, call: WriterCall): unknown {
    switch (call.kind) {
      case "write":
        file.writes.write(call.write);
        return null;
      case "remove": {
        const more = file.writes.remove(call.file, call.build);
        if (file.writes.mustMerge()) this.#unmerged.add(call.team);
        return more;
      }
      case "label": {
        const next = file.writes.label(call.labels, call.after);
        if (file.writes.mustMerge()) this.#unmerged.add(call.team);
        return next;
      }
      case "read-again":
        file.writes.readAgain(call.upTo, call.names);
        if (file.writes.mustMerge()) this.#unmerged.add(call.team);
        return null;
      case "discard":
        return null;
    }
  }

  #fileOf(team: string): WriteFile {
    if (this.#lost.has(team)) throw this.#lose(team);
    const known = this.#files.get(team);
    if (known !== undefined) return known;
    const opened = openForWriting(this.#dir, team);
    this.#files.keep(team, opened);
    if (opened.writes.mustCountTerms()) this.#uncounted.add(team);
    if (opened.writes.mustMerge()) this.#unmerged.add(team);
    return opened;
  }

  #lose(team: string): Error {
    this.#lost.add(team);
    return new IndexLostError(`the index file of ${team} is gone: run wharf reindex`);
  }
}

class WriteFile {
  readonly database: DatabaseSync;
  readonly writes: Fts5Writes;
  readonly inode: number | null;

  constructor(database: DatabaseSync, inode: number | null) {
    this.database = database;
    this.writes = new Fts5Writes(database);
    this.inode = inode;
  }

  /** Returns once the work is on disk. */
  transaction<T>(work: () => T): T {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      this.writes.begin();
      const result = work();
      this.writes.finish();
      commit(this.database);
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.database.close();
  }
}

function openForWriting(dir: string, team: string): WriteFile {
  const path = indexPath(dir, team);
  const database = openDatabase(path);
  try {
    database.exec("BEGIN IMMEDIATE");
    const created = createTables(database);
    commit(database);
    refuseOtherFormat(database);
    if (created) syncDirectory(dir);
    return new WriteFile(database, indexInode(dir, team));
  } catch (error) {
    database.close();
    throw error;
  }
}

function commit(database: DatabaseSync): void {
  try {
    database.exec("COMMIT");
  } catch (error) {
    if (sqliteCodeOf(error) === SQLITE_CODES.IOERR) throw new IndexDiskError("COMMIT failed", { cause: error });
    throw error;
  }
}

function byTeam(calls: readonly Call[]): ReadonlyMap<string, (Call & { readonly input: WriterCall })[]> {
  // The other side of the port is fts5.ts, whose calls have this type.
  const typed = calls as readonly (Call & { readonly input: WriterCall })[];
  return Map.groupBy(typed, (call) => call.input.team);
}
