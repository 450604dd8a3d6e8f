import type { FileErrorCode, FileWarning } from "../errors.ts";

/**
 * The extraction port: bytes in, type, pages and analysed chunks out, read in a jailed child process (pool.ts), never
 * in the server's own.
 *
 * - **page**: a PDF page, slide, sheet, chapter or message; a format without any has one, 1.
 * - **chunk**: a passage of one page, the unit of search (chunking/chunk.ts).
 * - **fault**: what the file did (typed below); **trouble**: what the machine did (ExtractorTrouble).
 */
export interface Extractor {
  /**
   * Reads one document. Events arrive in order: one `type`, then for each page its `page` and its `chunks`, `progress`
   * in between, and at the end perhaps one `warnings`; those that came together are given together. The iterator waits
   * for its consumer (backpressure reaches the child). Leaving the loop early or aborting ends the child. Throws
   * ExtractionFault (the file's), ExtractorTrouble (the machine's) or TooLongForFastLane (nobody's).
   */
  extract(source: ExtractionSource, options: ExtractionOptions): AsyncIterable<readonly ExtractionEvent[]>;
  /** What isolation this machine gives, for the log at start and `/readyz`. */
  readonly isolation: Isolation;
  close(): Promise<void>;
}

export interface ExtractionSource {
  /** Whose document it is: a reader sees those of one team only. */
  readonly teamId: string;
  readonly filename: string;
  readonly title: string;
  readonly declaredType: string;
  readonly sizeBytes: number;
  /** Reads the original from its start; called once a try. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

export interface ExtractionOptions {
  readonly signal: AbortSignal;
  /** `slow` starts in the slow lane: nice 19, a place of its own (a task that has a fault). */
  readonly lane: "fast" | "slow";
  /** Called when the document has moved to the slow lane: its place in the fast lane is free for another. */
  readonly onSlow?: () => void;
}

export type ExtractionEvent =
  | { readonly kind: "type"; readonly detected: string; readonly titleTokens: string }
  | { readonly kind: "page"; readonly page: ExtractedPage }
  | { readonly kind: "chunks"; readonly chunks: readonly AnalysedChunk[] }
  | { readonly kind: "progress"; readonly done: number; readonly total: number | null }
  | { readonly kind: "warnings"; readonly warnings: readonly FileWarning[] };

export interface ExtractedPage {
  /** From 1. */
  readonly page: number;
  /** The page's own name (a PDF page label, a sheet's name, a chapter's title), or null. */
  readonly label: string | null;
  readonly text: string;
}

export interface AnalysedChunk {
  readonly page: number;
  /** UTF-16 code units of the page's text, end exclusive. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly text: string;
  /** Tokens of search-index/analyze.ts, space-joined. */
  readonly tokens: string;
}

export interface Isolation {
  /** `full` is all that docs/security.md lists; `none` only when it was switched off. */
  readonly strength: "full" | "reduced" | "none";
  /** What is in force: "no network", "a user of its own", "memory and processor limits" … */
  readonly inForce: readonly string[];
  /** What this machine cannot give, each with what to do about it. Empty = everything. */
  readonly missing: readonly string[];
}

/** For the log at start and `/readyz`. */
export function sayIsolation({ strength, missing }: Isolation): string {
  return strength === "full" ? strength : `${strength}: ${missing.join("; ")}`;
}

/** The file's doing. `code` is what the client sees in `error.code`; `where` is the page or part where it stopped. */
export class ExtractionFault extends Error {
  override readonly name = "ExtractionFault";
  readonly code: Exclude<FileErrorCode, "cancelled">;
  /** True when trying again cannot help (encrypted, damaged, unsupported …). */
  readonly permanent: boolean;
  /** True when the child died or ran out of its time: two of those are permanent. */
  readonly death: boolean;

  constructor(
    code: Exclude<FileErrorCode, "cancelled">,
    message: string,
    options: { readonly permanent: boolean; readonly death: boolean },
  ) {
    super(message);
    this.code = code;
    this.permanent = options.permanent;
    this.death = options.death;
  }
}

/**
 * A document that has had its time in the fast lane while the slow lane is full: to be read again, from the slow lane.
 */
export class TooLongForFastLane extends Error {
  override readonly name = "TooLongForFastLane";
}

/** The machine's doing (spawn failed, blob unreadable, pool closed): no fault of the file. */
export class ExtractorTrouble extends Error {
  override readonly name = "ExtractorTrouble";
}
