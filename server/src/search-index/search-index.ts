import type { BucketId, FileId, TeamId } from "../ids.ts";

/**
 * The search index's port. It is derived data: it can be rebuilt from the kept text, and it decides nothing. It returns
 * a superset; the catalogue says which builds are active where (retrieval/search.ts).
 *
 * - **build**: one attempt's chunks of one file, `<task id>_<attempt>` (build.ts). Chunks of several builds of a file
 *   may stand side by side; only the one that the catalogue activated is ever shown.
 * - **hints**: bucket, tag and file ids kept beside a chunk, so that the engine filters while it ranks. They are
 *   written before the catalogue makes them true and removed after it made them false, so they can only let too
 *   much through.
 *
 * Each team has an index of its own: statistics, scores and results of a team depend on its documents alone. A
 * method that resolved has made its effect durable. Failures reject with SearchIndexError: the machine's trouble,
 * never the file's.
 */
export interface SearchIndex {
  /**
   * Adds chunks (at most limits.chunksPerWrite) of one build. Writing a chunk again (same build and position)
   * replaces it.
   */
  write(team: TeamId, write: ChunkWrite): Promise<void>;

  /** Removes all chunks of the file: it is deleted. Bounded batches inside; done when there are none. */
  removeFile(team: TeamId, file: FileId): Promise<void>;

  /**
   * Removes the chunks of exactly this build; done when there are none. A build is named, never "all but the active
   * one": a newer attempt may be writing beside it, and would lose what it has written so far.
   */
  removeBuild(team: TeamId, ref: BuildRef): Promise<void>;

  /**
   * Makes title, buckets and tags of exactly this build's chunks these, in bounded batches. Safe to repeat, also after
   * a part of it. A build that is not there is left so.
   */
  label(team: TeamId, labels: BuildLabels): Promise<void>;

  /** The best `limit` chunks by BM25 in rank order: score first, then older file, then position. */
  rank(team: TeamId, query: RankQuery): Promise<Ranking>;

  /** Which (file, build) pairs the team's index holds, in pages after `after`: for reconcile, doctor and reindex. */
  builds(
    team: TeamId,
    after: BuildRef | null,
    limit: number,
  ): Promise<readonly (BuildRef & { readonly chunks: number })[]>;

  /**
   * Makes the tokens of the next chunks anew that an earlier analyser made, from their texts: one bounded batch, of
   * so many chunks; 0 when there are none. Until then searches find them by the tokens that they have. `namesOf`:
   * what the batch's files are called now; a file that is not named keeps its title and tags. Safe to repeat, also
   * beside itself.
   */
  refresh(team: TeamId, namesOf: (files: readonly FileId[]) => Promise<readonly FileNames[]>): Promise<number>;

  /** Teams that have an index. */
  teams(): Promise<readonly TeamId[]>;

  /** Throws the team's index away, damaged or not: all of it has to be written again. */
  discard(team: TeamId): Promise<void>;

  /**
   * Teams whose index is damaged for certain: calls met it again and again, each time with the files opened anew. It
   * answers in part at best, and takes nothing, until it is discarded.
   */
  damaged(): readonly TeamId[];

  close(): Promise<void>;
}

export interface BuildRef {
  readonly file: FileId;
  readonly build: string;
}

/** What all chunks of a build share. */
export interface BuildLabels extends BuildRef {
  readonly buckets: readonly BucketId[];
  readonly tags: readonly string[];
  /** Analysed tokens of the title, space-joined (analyze.ts). */
  readonly titleTokens: string;
}

export interface ChunkWrite extends BuildLabels {
  readonly chunks: readonly IndexedChunk[];
}

export interface FileNames {
  readonly file: FileId;
  readonly titleTokens: string;
  readonly tags: readonly string[];
}

export interface IndexedChunk {
  /** Position in the build, from 0. */
  readonly position: number;
  /** Page number, from 1. */
  readonly page: number;
  /** UTF-16 code units of the page's text, end exclusive. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly text: string;
  /** Analysed tokens of `text`, space-joined. */
  readonly tokens: string;
}

export interface RankQuery {
  /** The query as the client sent it; the engine analyses it with the analyser that made the chunks' tokens. */
  readonly text: string;
  /** Any of these buckets (hint). Empty = no restriction. */
  readonly buckets: readonly BucketId[];
  /** All of these tags (hint). */
  readonly tags: readonly string[];
  /** Any of these files (hint); null = no restriction. */
  readonly files: readonly FileId[] | null;
  readonly limit: number;
  /** Most rows that the query's terms may touch, limits.searchTermBudgetRows; null = no bound (for measuring). */
  readonly termBudgetRows: number | null;
}

export interface Ranking {
  readonly candidates: readonly Candidate[];
  /** Whether `candidates` holds everything that matched. */
  readonly complete: boolean;
  /** Words of the query, as it spelled them, that the budget left out. */
  readonly termsIgnored: readonly string[];
}

export interface Candidate extends BuildRef {
  readonly position: number;
  readonly page: number;
  readonly charStart: number;
  readonly charEnd: number;
  readonly text: string;
  /** Greater is better; comparable within one ranking. */
  readonly score: number;
}

export class SearchIndexError extends Error {
  override readonly name = "SearchIndexError";
  /** What stands there is no index, or not a whole one: no outage that passes. */
  readonly isDamage: boolean;

  constructor(message: string, { isDamage } = { isDamage: false }) {
    super(message);
    this.isDamage = isDamage;
  }
}
