import { MessageChannel } from "node:worker_threads";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { entryFile } from "../program/entry-file.ts";
import { type Failure, ThreadClient } from "../sqlite/thread-client.ts";
import { createIndexDirectory, indexedTeams } from "./fts5-files.ts";
import {
  DAMAGE,
  type OutdatedChunks,
  type ReaderCall,
  type ReaderThreadData,
  type WriterCall,
  type WriterThreadData,
} from "./fts5-protocol.ts";
import { Fts5Readers } from "./fts5-readers.ts";
import { type BuildRef, type Ranking, type SearchIndex, SearchIndexError } from "./search-index.ts";

export interface Fts5SearchIndexOptions {
  /** Folder of the index files, one a team; made when it is missing. */
  readonly dir: string;
  readonly log: Log;
  /** A thread died or an fsync failed: the process must end (exit 74). */
  readonly fatal: (error: Error) => void;
  /** Threads that read; default limits.indexReaders. */
  readonly readers?: number;
  /** Calls that met damage must lie as far apart before it is certain; default limits.indexDamageSureMs. */
  readonly damageSureMs?: number;
}

/**
 * The embedded search index: SQLite's FTS5, one file a team, one writing thread and a few reading ones for all of
 * them.
 */
export async function openFts5SearchIndex(options: Fts5SearchIndexOptions): Promise<SearchIndex> {
  const { dir, log, fatal, damageSureMs = LIMITS.indexDamageSureMs } = options;
  createIndexDirectory(dir);
  const gates = Array.from({ length: options.readers ?? LIMITS.indexReaders }, () => new MessageChannel());
  const readerPorts = gates.map(({ port1 }) => port1);
  const failed = (failure: Failure) => {
    log.warn({ failure: failure.message }, "the search index refused a call");
    return new SearchIndexError(failure.message, { isDamage: failure.code === DAMAGE });
  };
  const writerData: WriterThreadData = { dir, readerPorts };
  const writer = new ThreadClient({
    entry: entryFile(new URL("./fts5-writer-thread.ts", import.meta.url)),
    workerData: { ...writerData },
    transfer: readerPorts,
    failed,
    fatal,
  });
  const readers = new Fts5Readers(
    gates.map(({ port2: writerPort }) => {
      const readerData: ReaderThreadData = { dir, writerPort };
      return {
        entry: entryFile(new URL("./fts5-reader-thread.ts", import.meta.url)),
        workerData: { ...readerData },
        transfer: [writerPort],
        failed,
        fatal,
      };
    }),
  );
  try {
    await Promise.all([writer.ready(), readers.ready()]);
  } catch (error) {
    // A thread that is left would keep the process from ending.
    await Promise.all([writer.close(), readers.close()]);
    throw error;
  }

  // The threads answer each kind of call with the type that fts5-protocol.ts names beside it.
  const damage = new Damage(damageSureMs);
  const write = <T>(call: WriterCall) => damage.watch(call.team, writer.call(call.kind, call) as Promise<T>);
  const read = <T>(call: ReaderCall) => damage.watch(call.team, readers.read(call) as Promise<T>);
  /** One batch a call, so that other teams' and files' writes come in between. */
  const removeAll = async (call: WriterCall) => {
    while (await write<boolean>(call));
  };
  return {
    async write(team, chunks) {
      await write<null>({ kind: "write", team, write: chunks });
    },
    removeFile: (team, file) => removeAll({ kind: "remove", team, file, build: null }),
    removeBuild: (team, { file, build }) => removeAll({ kind: "remove", team, file, build }),
    async label(team, labels) {
      // As with removeAll.
      let after: number | null = -1;
      while (after !== null) after = await write<number | null>({ kind: "label", team, labels, after });
    },
    rank: (team, query) => read<Ranking>({ kind: "rank", team, query }),
    builds: (team, after, limit) =>
      read<readonly (BuildRef & { readonly chunks: number })[]>({ kind: "builds", team, after, limit }),
    async refresh(team, namesOf) {
      const batch = await read<OutdatedChunks | null>({ kind: "outdated", team });
      if (batch === null) return 0;
      const { upTo, chunks, files } = batch;
      await write<null>({ kind: "read-again", team, upTo, names: await namesOf(files) });
      return chunks;
    },
    teams: async () => indexedTeams(dir),
    async discard(team) {
      await write<null>({ kind: "discard", team });
      await readers.readAll({ kind: "forget", team });
      // Whatever met the old files has been answered.
      damage.forget(team);
    },
    damaged: () => damage.certain(),
    async close() {
      await readers.close();
      await writer.close();
    },
  };
}

/**
 * Which teams' files are damaged. A thread closes a file that it found so, and opens it anew for the next call: who
 * meets damage a second time, and not in the same breath, has not met a mishap of one connection.
 */
class Damage {
  readonly #sureMs: number;
  readonly #met = new Map<TeamId, { readonly firstAt: number; isCertain: boolean }>();

  constructor(sureMs: number) {
    this.#sureMs = sureMs;
  }

  async watch<T>(team: TeamId, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof SearchIndexError && error.isDamage) this.#meet(team);
      throw error;
    }
  }

  certain(): readonly TeamId[] {
    return [...this.#met].filter(([, { isCertain }]) => isCertain).map(([team]) => team);
  }

  forget(team: TeamId): void {
    this.#met.delete(team);
  }

  #meet(team: TeamId): void {
    const now = performance.now();
    const met = this.#met.get(team);
    if (met === undefined || now - met.firstAt > LIMITS.discardIndexEveryMs)
      this.#met.set(team, { firstAt: now, isCertain: met?.isCertain ?? false });
    else if (now - met.firstAt >= this.#sureMs) met.isCertain = true;
  }
}
