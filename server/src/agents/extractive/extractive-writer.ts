import { LIMITS } from "../../limits.ts";
import { analyze } from "../../search-index/analyze.ts";
import { readQuery } from "../../search-index/query-terms.ts";
import type { AnswerPart, AnswerWriter, GivenPassage, WritingTask } from "../writer.ts";
import { type Sentence, sentencesOf } from "./sentences.ts";

/** The first line of every such answer: nobody shall take a quotation for a conclusion. */
export const FIRST_LINE = "Quoted from the documents; no language model wrote this.";

const MOST_QUOTES = 5;
/** A quotation is at most so long; of a longer sentence the part around what was asked for is quoted. */
const QUOTE_CHARS = 400;
/** … and this much before it. */
const LEAD_CHARS = 60;
/** One that tells less than this part of what the best one tells is padding … */
const LEAST_SHARE = 0.35;
/** … and one that tells nothing new must be nearly as good as the best one. */
const LEAST_SHARE_OF_SAME = 0.8;

/** The sentences that answer, quoted, each with its number: what Wharf says without a chat server. */
export class ExtractiveWriter implements AnswerWriter {
  async *write({ question, passages }: WritingTask): AsyncGenerator<AnswerPart> {
    yield { kind: "text", text: FIRST_LINE };
    for (const { passage, text } of quotesOf(question, passages)) {
      yield { kind: "text", text: `\n\n${withoutMarks(text)} ` };
      yield { kind: "cite", passage };
    }
  }
}

export interface Quote {
  /** Place in the passages. */
  readonly passage: number;
  readonly text: string;
}

/** A sentence of one of the passages. */
interface Placed extends Sentence {
  readonly passage: number;
}

interface Scored extends Placed {
  readonly terms: ReadonlySet<string>;
  /** Where the passage holds one of the terms. */
  readonly found: readonly number[];
  readonly score: number;
}

/** Best first. At least one: where no sentence tells more than another, the beginning of the best passage. Pure. */
export function quotesOf(question: string, passages: readonly GivenPassage[]): readonly Quote[] {
  const ranked = scoreAll(question, passages);
  const best = ranked[0]?.score ?? 0;
  const told = new Set<string>();
  const chosen: Scored[] = [];
  for (const sentence of ranked) {
    if (chosen.length === MOST_QUOTES || sentence.score < best * LEAST_SHARE) break;
    const tellsMore = [...sentence.terms].some((term) => !told.has(term));
    if (!tellsMore && sentence.score < best * LEAST_SHARE_OF_SAME) continue;
    if (chosen.some((other) => saysTheSame(other, sentence, passages))) continue;
    chosen.push(sentence);
    for (const term of sentence.terms) told.add(term);
  }
  return chosen.map((sentence) => ({
    passage: sentence.passage,
    text: shorten(passages[sentence.passage]?.text ?? "", sentence),
  }));
}

/** By how much of the question each sentence holds, rare words more; among equals in the order of passages, then of the text. */
function scoreAll(question: string, passages: readonly GivenPassage[]): readonly Scored[] {
  const wanted = new Map(
    readQuery(question.slice(0, LIMITS.queryChars)).terms.map(({ term, weight }) => [term, weight]),
  );
  const sentences = passages.flatMap(({ text }, passage) =>
    sentencesOf(text).map((sentence) => {
      const from = sentence.headedFrom ?? sentence.start;
      const tokens = analyze(text.slice(from, sentence.end));
      const hits = tokens.filter(({ term }) => wanted.has(term));
      return {
        ...sentence,
        passage,
        words: tokens.length,
        terms: new Set(hits.map(({ term }) => term)),
        found: hits.map(({ start }) => from + start).filter((at) => at >= sentence.start),
      };
    }),
  );
  const holding = new Map<string, number>();
  for (const { terms } of sentences) for (const term of terms) holding.set(term, (holding.get(term) ?? 0) + 1);
  const rarity = (term: string) => Math.log(1 + sentences.length / (holding.get(term) ?? 1)) * (wanted.get(term) ?? 0);
  return sentences
    .map((sentence) => {
      const told = [...sentence.terms].reduce((sum, term) => sum + rarity(term), 0);
      // A passage that ranks first ranks first for reasons that a sentence alone does not show: its title, its neighbours.
      return { ...sentence, score: told * lengthFactor(sentence.words) * (1 + 0.5 / (1 + sentence.passage)) };
    })
    .filter(({ score }, place) => score > 0 || place === 0)
    .sort((a, b) => b.score - a.score || a.passage - b.passage || a.start - b.start);
}

/** A few words say little, and a page of them hides what they say. */
function lengthFactor(words: number): number {
  if (words < 4) return 0.5;
  return 1 / (1 + Math.max(0, words - 40) / 60);
}

function saysTheSame(a: Placed, b: Placed, passages: readonly GivenPassage[]) {
  const textOf = ({ passage, start, end }: Placed) =>
    onOneLine((passages[passage]?.text ?? "").slice(start, end)).toLowerCase();
  return textOf(a) === textOf(b);
}

/** On one line; of a long sentence the part that holds most of what was asked for, cut at blanks. */
function shorten(text: string, { start, end, found }: Scored): string {
  if (end - start <= QUOTE_CHARS) return onOneLine(text.slice(start, end));
  const held = (from: number) => found.filter((at) => at >= from && at < from + QUOTE_CHARS - LEAD_CHARS).length;
  const fullest = found.reduce((best, at) => (held(at) > held(best) ? at : best), found[0] ?? start);
  let from = Math.min(Math.max(start, fullest - LEAD_CHARS), end - QUOTE_CHARS);
  let to = from + QUOTE_CHARS;
  while (from > start && from < to - 1 && !isBlank(text, from - 1)) from += 1;
  while (to < end && to > from + QUOTE_CHARS / 2 && !isBlank(text, to)) to -= 1;
  return `${from > start ? "… " : ""}${onOneLine(text.slice(from, to))}${to < end ? " …" : ""}`;
}

function isBlank(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}

function onOneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** What a document numbers `[7]` would look like a citation of ours. */
function withoutMarks(text: string): string {
  return text.replace(/\[(\s*\d[\d, ]{0,64})\]/g, "($1)");
}
