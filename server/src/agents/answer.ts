import type { JsonValue } from "../errors.ts";
import type { FileId, ResponseId } from "../ids.ts";
import type { Citation, Support } from "./cited-text.ts";
import type { GivenPassage } from "./writer.ts";

/**
 * What an agent said, and from what: as it is kept, and as every shape of the wire is made of (wire.ts). Plain data.
 */
export interface Answer {
  readonly id: ResponseId;
  /** As the request named it. */
  readonly model: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly conversationId: string;
  readonly previousId: ResponseId | null;
  /** What retrieval was asked. */
  readonly queries: readonly string[];
  /** All that the writer was given, best first. */
  readonly given: readonly GivenPassage[];
  readonly text: string;
  /** Places in `given` of what the text cites: `[1]` is the first. */
  readonly sources: readonly number[];
  readonly citations: readonly Citation[];
  readonly supports: readonly Support[];
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  readonly metadata: Readonly<Record<string, JsonValue>>;
}

/** What stands for an answer whose documents were deleted. */
export const BLANKED = "A document that this answer quoted has been deleted.";

/** Files that the answer holds words of. */
export function quotedFiles({ given }: Pick<Answer, "given">): readonly FileId[] {
  return [...new Set(given.filter(({ text }) => text !== "").map(({ fileId }) => fileId))];
}

/**
 * The answer without a word of these files (AGT-6): their passages are empty, and so is the text, since nobody can say
 * which of its words came from where.
 */
export function blank(answer: Answer, deleted: ReadonlySet<FileId>): Answer {
  if (!answer.given.some(({ fileId }) => deleted.has(fileId))) return answer;
  const given = answer.given.map((passage) =>
    deleted.has(passage.fileId) ? { ...passage, filename: "", title: "", text: "" } : passage,
  );
  return { ...answer, given, text: BLANKED, sources: [], citations: [], supports: [] };
}
