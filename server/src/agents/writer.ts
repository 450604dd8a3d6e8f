import type { FileId } from "../ids.ts";

/** A passage that retrieval found: what an answer may cite, and all that it may cite. */
export interface GivenPassage {
  readonly fileId: FileId;
  readonly filename: string;
  readonly title: string;
  readonly page: number;
  /** Range of that page's text, UTF-16 code units, end exclusive. */
  readonly charStart: number;
  readonly charEnd: number;
  readonly text: string;
  readonly score: number;
}

/** An earlier question of a conversation with its answer, oldest first. */
export interface Turn {
  readonly question: string;
  readonly answer: string;
}

export interface WritingTask {
  readonly question: string;
  /** The operator's and the caller's words to the writer; "" = none. Never a document's. */
  readonly instructions: string;
  readonly turns: readonly Turn[];
  /** Best first, at least one. */
  readonly passages: readonly GivenPassage[];
}

/** A part of an answer as it comes. `cite` is the place of a passage in `passages`. */
export type AnswerPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "cite"; readonly passage: number }
  | { readonly kind: "usage"; readonly inputTokens: number; readonly outputTokens: number };

/**
 * The port of the words: whoever writes an answer out of passages. It may be slow, wrong or gone; what it says is
 * checked by who calls it (cited-text.ts): a citation outside the passages does not reach a client.
 */
export interface AnswerWriter {
  /**
   * The parts of one answer. Aborted: it ends soon. Throws WharfError `model_unavailable`; nothing that it wrote before
   * counts then.
   */
  write(task: WritingTask, signal: AbortSignal): AsyncIterable<AnswerPart>;
}
