import type { DatabaseSync } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { LIMITS } from "../limits.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Answer, Call } from "../sqlite/thread-protocol.ts";
import { threadServer } from "../sqlite/thread-server.ts";
import { ReaderGate } from "../sqlite/wal-checkpoint.ts";
import { indexExists, indexFailureOf, indexPath } from "./fts5-files.ts";
import { DAMAGE, type ReaderCall, type ReaderThreadData } from "./fts5-protocol.ts";
import { Fts5Reads } from "./fts5-rank.ts";
import { formatOf, INDEX_FORMAT, refuseOtherFormat } from "./fts5-schema.ts";
import { KeptLists, type TeamLists } from "./kept-lists.ts";
import { OpenFiles } from "./open-files.ts";
import type { Ranking } from "./search-index.ts";

/** A thread that reads all teams' index files: one read at a time, each in one snapshot, never behind a commit. */

main(workerData);

function main({ dir, writerPort }: ReaderThreadData): void {
  const server = threadServer();
  const gate = new ReaderGate(writerPort);
  const files = new OpenFiles<ReadFile>(LIMITS.indexOpenFiles);
  const lists = new KeptLists(LIMITS.indexKeptListsBytes);
  const queue: Call[] = [];
  let running = false;
  let closing = false;

  /** null: nothing was ever written for this team. */
  const fileOf = (team: string): ReadFile | null => {
    const known = files.get(team);
    if (known !== undefined) return known;
    const opened = indexExists(dir, team) ? openForReading(indexPath(dir, team), lists) : null;
    if (opened !== null) files.keep(team, opened);
    return opened;
  };

  const answer = (call: Call): Answer => {
    try {
      return { id: call.id, output: run(call.input as ReaderCall, files, fileOf) };
    } catch (error) {
      const failure = indexFailureOf(call.id, error);
      // What an open connection says of a damaged file may be its own mishap.
      if (failure.failure.code === DAMAGE) files.close((call.input as ReaderCall).team);
      return failure;
    }
  };

  const close = () => {
    files.closeAll();
    process.exit(0);
  };

  const drain = async () => {
    running = true;
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      await gate.passable();
      server.answer([answer(call)]);
      // One turn of the event loop a read: the writer's "stand still" must be heard under any load.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    running = false;
    if (closing) close();
  };

  server.listen({
    calls(calls) {
      queue.push(...calls);
      if (!running) void drain();
    },
    close() {
      closing = true;
      if (!running) close();
    },
  });
  server.ready();
}

const NOTHING: Ranking = { candidates: [], complete: true, termsIgnored: [] };

function run(call: ReaderCall, files: OpenFiles<ReadFile>, fileOf: (team: string) => ReadFile | null): unknown {
  switch (call.kind) {
    case "forget":
      files.close(call.team);
      return null;
    case "rank":
      return fileOf(call.team)?.read((reads) => reads.rank(call.query)) ?? NOTHING;
    case "outdated":
      return fileOf(call.team)?.read((reads) => reads.outdated()) ?? null;
    case "builds":
      return fileOf(call.team)?.read((reads) => reads.builds(call.after, call.limit)) ?? [];
  }
}

class ReadFile {
  readonly #database: DatabaseSync;
  readonly #lists: TeamLists;
  #reads: Fts5Reads;

  constructor(database: DatabaseSync, lists: TeamLists) {
    this.#database = database;
    this.#lists = lists;
    this.#reads = new Fts5Reads(database, lists);
  }

  /** Counts, ranking and texts of one answer come from one snapshot. */
  read<T>(work: (reads: Fts5Reads) => T): T {
    this.#database.exec("BEGIN");
    try {
      // The writer brings a file of the first format to the newest one under an open reader.
      if (this.#reads.format !== INDEX_FORMAT && formatOf(this.#database) !== this.#reads.format)
        this.#reads = new Fts5Reads(this.#database, this.#lists);
      return work(this.#reads);
    } finally {
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
    }
  }

  close(): void {
    this.#lists.clear();
    this.#database.close();
  }
}

function openForReading(path: string, lists: KeptLists): ReadFile | null {
  const database = openDatabase(path, { readOnly: true });
  // Scoring looks up the length of each chunk that matches, all over the file: a fifth faster than with 16 MiB.
  database.exec("PRAGMA cache_size = -65536");
  try {
    if (formatOf(database) === 0) {
      // The writer has made the file, but its first commit is not there yet.
      database.close();
      return null;
    }
    refuseOtherFormat(database);
    return new ReadFile(database, lists.ofTeam());
  } catch (error) {
    database.close();
    throw error;
  }
}
