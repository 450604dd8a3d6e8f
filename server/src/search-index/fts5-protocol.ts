import type { MessagePort } from "node:worker_threads";
import type { FileId, TeamId } from "../ids.ts";
import type { BuildLabels, BuildRef, ChunkWrite, FileNames, RankQuery } from "./search-index.ts";

/** What fts5.ts asks of its threads. Structured-clone data; the answer's type stands beside the call. */

/** The code of a failure that is the file's: it is damaged, or gone. */
export const DAMAGE = "damaged";

export type WriterCall =
  /** → null */
  | { readonly kind: "write"; readonly team: TeamId; readonly write: ChunkWrite }
  /** One bounded batch; `build` null = of all builds. → boolean: whether there is more */
  | { readonly kind: "remove"; readonly team: TeamId; readonly file: FileId; readonly build: string | null }
  /** One bounded batch of those behind `after`. → number | null: behind which there are more */
  | { readonly kind: "label"; readonly team: TeamId; readonly labels: BuildLabels; readonly after: number }
  /** → null */
  | {
      readonly kind: "read-again";
      readonly team: TeamId;
      readonly upTo: number;
      readonly names: readonly FileNames[];
    }
  /** → null */
  | { readonly kind: "discard"; readonly team: TeamId };

export type ReaderCall =
  /** → Ranking */
  | { readonly kind: "rank"; readonly team: TeamId; readonly query: RankQuery }
  /** → (BuildRef & { chunks })[] */
  | { readonly kind: "builds"; readonly team: TeamId; readonly after: BuildRef | null; readonly limit: number }
  /** → OutdatedChunks | null */
  | { readonly kind: "outdated"; readonly team: TeamId }
  /** Closes the team's file. → null */
  | { readonly kind: "forget"; readonly team: TeamId };

/** Chunks with an earlier analyser's tokens, a batch of them. */
export interface OutdatedChunks {
  /** The id that it ends with. */
  readonly upTo: number;
  readonly chunks: number;
  /** Whose chunks they are. */
  readonly files: readonly FileId[];
}

export interface WriterThreadData {
  readonly dir: string;
  /** One for each reader. */
  readonly readerPorts: readonly MessagePort[];
}

export interface ReaderThreadData {
  readonly dir: string;
  readonly writerPort: MessagePort;
}
