import { MessageChannel } from "node:worker_threads";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { entryFile } from "../program/entry-file.ts";
import { type Failure, ThreadClient } from "../sqlite/thread-client.ts";
import { createIndexDirectory, indexedTeams } from "./fts5-files.ts";
import type { OutdatedChunks, ReaderCall, ReaderThreadData, WriterCall, WriterThreadData } from "./fts5-protocol.ts";
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
}

export interface Fts5SearchIndex extends SearchIndex {
  /** Throws the team's index away, damaged or not: what reindex does before it writes every build again. */
  discard(team: TeamId): Promise<void>;
}

/**
 * The embedded search index: SQLite's FTS5, one file a team, one writing thread and a few reading ones for all of
 * them.
 */
export async function openFts5SearchIndex(options: Fts5SearchIndexOptions): Promise<Fts5SearchIndex> {
  const { dir, log, fatal } = options;
  createIndexDirectory(dir);
  const gates = Array.from({ length: options.readers ?? LIMITS.indexReaders }, () => new MessageChannel());
  const readerPorts = gates.map(({ port1 }) => port1);
  const failed = (failure: Failure) => {
    log.warn({ failure: failure.message }, "the search index refused a call");
    return new SearchIndexError(failure.message);
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
  const write = <T>(call: WriterCall) => writer.call(call.kind, call) as Promise<T>;
  const read = <T>(call: ReaderCall) => readers.read(call) as Promise<T>;
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
    },
    async close() {
      await readers.close();
      await writer.close();
    },
  };
}
