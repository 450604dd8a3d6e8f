import { LIMITS } from "../../limits.ts";
import { analyze } from "../../search-index/analyze.ts";
import { readQuery } from "../../search-index/query-terms.ts";
import type { GivenPassage } from "../writer.ts";
import { type Sentence, sentencesOf } from "./sentences.ts";

/** A sentence of one of the passages, by how much of the question it holds. */
export interface ScoredSentence extends Sentence {
  /** Place in the passages. */
  readonly passage: number;
  /** Of the question, those that it holds, with its heading. */
  readonly terms: ReadonlySet<string>;
  /** All of its own words. */
  readonly words: ReadonlySet<string>;
  /** Where the passage holds one of the terms. */
  readonly found: readonly number[];
  /** The part of the question that it tells something of: 0 to 1. */
  readonly share: number;
  readonly score: number;
}

/** What stands next to a sentence says what it is about ("Armstrong … He …"), and answers nothing by itself. */
const NEIGHBOUR_WEIGHT = 0.3;
/** A question for a number is answered by one. */
const NUMBER_FACTOR = 1.3;
const ASKS_FOR_A_NUMBER =
  /\bhow (?:long|much|many|old|far|high|often|tall|large|big|fast|heavy)\b|\bwhen\b|\b(?:minimum|maximum)\b/i;
const HAS_A_NUMBER = /\d/;

/**
 * By how much of the question each sentence holds, rare words more; best first, among equals in the order of passages, then of the text.
 * At least one, where there is any: without a word of the question the beginning of the best passage. Pure.
 */
export function scoreSentences(question: string, passages: readonly GivenPassage[]): readonly ScoredSentence[] {
  const wanted = new Map(
    readQuery(question.slice(0, LIMITS.queryChars)).terms.map(({ term, weight }) => [term, weight]),
  );
  const read = passages.map(({ text }, passage) =>
    sentencesOf(text).map((sentence) => readSentence(sentence, text, passage, wanted)),
  );
  const all = read.flat();
  const holding = new Map<string, number>();
  for (const { terms } of all) for (const term of terms) holding.set(term, (holding.get(term) ?? 0) + 1);
  // Retrieval brought passages that hold the rare words: among these they are not rare any more. So rarity counts, but not for much.
  const weightOf = (term: string) =>
    Math.sqrt(Math.log(2 + all.length / (holding.get(term) ?? 1))) * (wanted.get(term) ?? 0);
  const sum = (terms: Iterable<string>) => [...terms].reduce((total, term) => total + weightOf(term), 0);
  const most = sum(wanted.keys());
  const asksForNumber = ASKS_FOR_A_NUMBER.test(question);
  return read
    .flatMap((sentences) =>
      sentences.map((sentence, place) => {
        const beside = [sentences[place - 1], sentences[place + 1]].flatMap((next) => [...(next?.terms ?? [])]);
        const near = new Set(beside.filter((term) => !sentence.terms.has(term)));
        const told = sum(sentence.terms);
        // A passage that ranks first ranks first for reasons that a sentence alone does not show: its title, its neighbours.
        const prior = 1 + 0.5 / (1 + sentence.passage);
        const number = asksForNumber && sentence.hasNumber ? NUMBER_FACTOR : 1;
        const score =
          told === 0 ? 0 : (told + NEIGHBOUR_WEIGHT * sum(near)) * lengthFactor(sentence.count) * prior * number;
        return { ...sentence, share: most === 0 ? 0 : told / most, score };
      }),
    )
    .filter(({ score }, place) => score > 0 || place === 0)
    .sort((a, b) => b.score - a.score || a.passage - b.passage || a.start - b.start);
}

function readSentence(sentence: Sentence, text: string, passage: number, wanted: ReadonlyMap<string, number>) {
  const from = sentence.headedFrom ?? sentence.start;
  const tokens = analyze(text.slice(from, sentence.end));
  const hits = tokens.filter(({ term }) => wanted.has(term));
  const own = tokens.filter(({ start }) => from + start >= sentence.start);
  return {
    ...sentence,
    passage,
    count: tokens.length,
    terms: new Set(hits.map(({ term }) => term)),
    words: new Set(own.map(({ term }) => term)),
    found: hits.map(({ start }) => from + start).filter((at) => at >= sentence.start),
    hasNumber: HAS_A_NUMBER.test(text.slice(sentence.start, sentence.end)),
  };
}

/** A few words say little, and a page of them hides what they say. */
function lengthFactor(words: number): number {
  if (words < 4) return 0.5;
  return 1 / (1 + Math.max(0, words - 40) / 60);
}
