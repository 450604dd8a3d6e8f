import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Clock } from "../clock.ts";
import { WharfError } from "../errors.ts";
import type { Holder } from "../fairness/places.ts";
import type { BucketId, FileId, IdSource, ResponseId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type Hit, type SearchDeps, search } from "../retrieval/search.ts";
import { readQuery } from "../search-index/query-terms.ts";
import type { Answer } from "./answer.ts";
import { CitedText } from "./cited-text.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { activeBuckets, findProfile, type Profile } from "./profiles.store.ts";
import type { Question } from "./question.ts";
import { findResponse, keepResponse, readTurns } from "./responses.store.ts";
import type { AnswerPart, AnswerWriter, GivenPassage, Turn } from "./writer.ts";

export interface AgentDeps extends SearchDeps {
  readonly catalogue: Catalogue;
  readonly writer: AnswerWriter;
  readonly ids: IdSource;
  readonly clock: Clock;
}

/** A question with all that is needed to answer it: whatever can be refused has been. */
export interface Asked {
  readonly teamId: TeamId;
  readonly question: Question;
  readonly id: ResponseId;
  readonly createdAt: number;
  readonly conversationId: string;
  readonly previousId: ResponseId | null;
  readonly turns: readonly Turn[];
  readonly instructions: string;
  readonly queries: readonly string[];
  readonly given: readonly GivenPassage[];
}

interface Asker {
  readonly by: Holder;
  /** Aborted when nobody waits any more. */
  readonly gone: AbortSignal;
}

/**
 * Finds the model, the conversation and the passages. Throws WharfError: `model_not_found`, and what a search throws.
 */
export async function ask(deps: AgentDeps, question: Question, asker: Asker): Promise<Asked> {
  const { catalogue, ids, clock } = deps;
  const { teamId } = asker.by;
  const profile = await profileOf(catalogue, teamId, question);
  const conversation = await conversationOf(deps, teamId, question);
  const turns = latest([...conversation.turns, ...question.turns]);
  const query = queryOf(question.text, turns);
  const bucketIds =
    profile === null ? [] : await catalogue.run(activeBuckets, { teamId, bucketIds: profile.bucketIds });
  // A profile of buckets that are all gone answers from nothing, not from everything.
  const nowhere = profile !== null && profile.bucketIds.length > 0 && bucketIds.length === 0;
  return {
    teamId,
    question,
    id: ids.next("resp"),
    createdAt: clock.now(),
    conversationId: conversation.id,
    previousId: conversation.previousId,
    turns,
    instructions: [profile?.instructions ?? "", question.instructions].filter((part) => part !== "").join("\n"),
    queries: [query],
    given: nowhere ? [] : await passagesOf(deps, { query, bucketIds, files: question.files }, asker),
  };
}

/** What comes of an answer: its text piece by piece, then the whole. */
export type AnswerStep =
  | { readonly kind: "delta"; readonly text: string }
  | { readonly kind: "answer"; readonly answer: Answer };

/**
 * The answer's text as it comes, then the answer, kept on disk when the question says so. Throws WharfError
 * `model_unavailable`, and `storage_full` or `storage_unavailable` when it cannot be kept; then nothing is, and earlier
 * turns are as they were.
 */
export async function* answerTo(deps: AgentDeps, asked: Asked, gone: AbortSignal): AsyncGenerator<AnswerStep, void> {
  const { question, given, turns, instructions } = asked;
  const cited = new CitedText(given.length);
  let usage: Answer["usage"] | null = null;
  const parts =
    given.length === 0
      ? NOTHING_FOUND
      : deps.writer.write({ question: question.text, instructions, turns, passages: given }, gone);
  for await (const part of parts) {
    if (part.kind === "usage") usage = part;
    else {
      const text = cited.push(part);
      if (text !== "") yield { kind: "delta", text };
    }
  }
  cited.end();
  const answer: Answer = {
    id: asked.id,
    model: question.model,
    createdAt: asked.createdAt,
    conversationId: asked.conversationId,
    previousId: asked.previousId,
    queries: asked.queries,
    given,
    text: cited.text,
    sources: cited.sources,
    citations: cited.citations,
    supports: cited.supports,
    usage: usage ?? estimate(asked, cited.text),
    metadata: question.metadata,
  };
  const { keptBytesPerTeam: maxBytes } = AGENT_LIMITS;
  if (question.store)
    await deps.catalogue.run(keepResponse, { teamId: asked.teamId, question: question.text, answer, maxBytes });
  yield { kind: "answer", answer };
}

/** Nobody is asked to write: whatever they wrote would not be from the documents. */
const NOTHING_FOUND: readonly AnswerPart[] = [
  { kind: "text", text: "Nothing in the documents answers this: no passage that may be searched holds a word of it." },
];

async function profileOf(
  catalogue: Catalogue,
  teamId: TeamId,
  { profileId, model }: Question,
): Promise<Profile | null> {
  if (profileId === null) return null;
  const profile = await catalogue.run(findProfile, { teamId, profileId });
  if (profile === null || !profile.enabled) throw new WharfError("model_not_found", { details: { model } });
  return profile;
}

/** An id that we do not know (any more) begins a conversation: a client that kept an old one must not break (AGT-6). */
async function conversationOf({ catalogue, ids }: AgentDeps, teamId: TeamId, question: Question) {
  const { previousId, conversationId } = question;
  const previous = previousId === null ? null : await catalogue.run(findResponse, { teamId, id: previousId });
  const id = previous?.answer.conversationId ?? conversationId;
  if (id === null) return { id: ids.next("conv"), previousId: null, turns: [] };
  const turns = await catalogue.run(readTurns, { teamId, conversationId: id, upTo: previous?.answer.id ?? null });
  return { id, previousId: previous?.answer.id ?? null, turns };
}

/** The last ones, as many as a chat server can be expected to take. */
function latest(turns: readonly Turn[]): readonly Turn[] {
  let left = AGENT_LIMITS.conversationChars;
  const kept: Turn[] = [];
  for (const turn of turns.slice(-AGENT_LIMITS.conversationTurns).reverse()) {
    left -= turn.question.length + turn.answer.length;
    if (left < 0) break;
    kept.unshift(turn);
  }
  return kept;
}

/** With so few words of its own a question leans on the one before: "and in winter?" */
const LEANING_TERMS = 3;

function queryOf(text: string, turns: readonly Turn[]): string {
  const before = turns.at(-1)?.question ?? "";
  const leans = before !== "" && readQuery(text.slice(0, LIMITS.queryChars)).terms.length <= LEANING_TERMS;
  return [...(leans ? `${text} ${before}` : text)].slice(0, LIMITS.queryChars).join("");
}

/**
 * A passage with less than this part of the best one's score shares a common word with the question, and nothing else.
 */
const LEAST_SHARE = 0.05;

async function passagesOf(
  deps: AgentDeps,
  wanted: { readonly query: string; readonly bucketIds: readonly BucketId[]; readonly files: readonly FileId[] | null },
  { by, gone }: Asker,
): Promise<readonly GivenPassage[]> {
  const { results } = await search(
    deps,
    {
      teamId: by.teamId,
      query: wanted.query,
      buckets: wanted.bucketIds.map((id) => ({ sent: id, id, slug: null })),
      tags: [],
      files: wanted.files,
      metadata: [],
      limit: AGENT_LIMITS.passages,
    },
    { by, gone },
  );
  const least = (results[0]?.candidate.score ?? 0) * LEAST_SHARE;
  return results.filter(({ candidate }) => candidate.score >= least).map(toGiven);
}

function toGiven({ candidate, file }: Hit): GivenPassage {
  return {
    fileId: file.file,
    filename: file.filename,
    title: file.title,
    page: candidate.page,
    charStart: candidate.charStart,
    charEnd: candidate.charEnd,
    text: candidate.text,
    score: candidate.score,
  };
}

/** Where no chat server counted. English has about four characters a token. */
function estimate({ question, given, instructions }: Asked, text: string): Answer["usage"] {
  const tokens = (chars: number) => Math.ceil(chars / 4);
  const read = given.reduce((sum, passage) => sum + passage.text.length, question.text.length + instructions.length);
  return { inputTokens: tokens(read), outputTokens: tokens(text.length) };
}
