import { analyze } from "../../search-index/analyze.ts";
import type { GivenPassage } from "../writer.ts";
import { readAsking } from "./read-asking.ts";
import { type Sentence, sentencesOf } from "./sentences.ts";

/** A sentence of one of the passages, by how much of the question it holds. */
export interface ScoredSentence extends Sentence {
  /** Place in the passages. */
  readonly passage: number;
  /** Of the question, those that it holds, with its headings → how much of each it tells, 0 to 1. */
  readonly terms: ReadonlyMap<string, number>;
  /** All of its own words. */
  readonly words: ReadonlySet<string>;
  /** Where the passage holds one of the terms. */
  readonly found: readonly number[];
  /** The part of the question that it tells something of: 0 to 1. */
  readonly share: number;
  readonly score: number;
}

/** What stands next to a sentence says what it is about ("Armstrong … He …"), and answers nothing by itself. */
const NEIGHBOUR_WEIGHT = 0.2;
/** The line before it does so, too, and a question there is what it answers … */
const NEAREST_HEADING_WEIGHT = 0.8;
/** … and the headings before that one are of more than this sentence. */
const FAR_HEADING_WEIGHT = 0.4;
/** A question for a number is answered by one … */
const NUMBER_FACTOR = 1.3;
const HAS_A_NUMBER = /\d/;
/** … and what something is, by a sentence that says so. */
const DEFINITION_FACTOR = 1.4;
const DEFINES = /^[)"”’']?\s+(?:is|are|was|were|means?)\b/i;

/**
 * By how much of the question each sentence holds, rare words more; best first, among equals in the order of
 * passages, then of the text. At least one, where there is any: without a word of the question the beginning of the
 * best passage. Pure.
 */
export function scoreSentences(question: string, passages: readonly GivenPassage[]): readonly ScoredSentence[] {
  const { wanted, forNumber, whatItIs } = readAsking(question);
  const read = passages.map(({ text }, passage) =>
    sentencesOf(text).map((sentence) => readSentence(sentence, text, passage, wanted)),
  );
  const all = read.flat();
  const holding = new Map<string, number>();
  for (const { terms } of all) for (const term of terms.keys()) holding.set(term, (holding.get(term) ?? 0) + 1);
  const weightOf = (term: string) => Math.log(2 + all.length / (holding.get(term) ?? 1)) * (wanted.get(term) ?? 0);
  const sum = (terms: Iterable<readonly [term: string, part: number]>) =>
    [...terms].reduce((total, [term, part]) => total + part * weightOf(term), 0);
  const most = sum([...wanted.keys()].map((term) => [term, 1]));
  return read
    .flatMap((sentences) =>
      sentences.map((sentence, place) => {
        const beside = [sentences[place - 1], sentences[place + 1]].flatMap((next) => [...(next?.terms.keys() ?? [])]);
        const near = new Set(beside.filter((term) => !sentence.terms.has(term)));
        const told = sum(sentence.terms);
        // A passage that ranks first ranks first for reasons that a sentence alone does not show: its title,
        // its neighbours.
        const prior = 1 + 0.5 / (1 + sentence.passage);
        const kind =
          (forNumber && sentence.hasNumber ? NUMBER_FACTOR : 1) *
          (whatItIs && sentence.defines ? DEFINITION_FACTOR : 1);
        const context = sum([...near].map((term) => [term, NEIGHBOUR_WEIGHT]));
        const score = told === 0 ? 0 : (told + context) * lengthFactor(sentence.count) * prior * kind;
        return { ...sentence, share: most === 0 ? 0 : told / most, score };
      }),
    )
    .filter(({ score }, place) => score > 0 || place === 0)
    .sort((a, b) => b.score - a.score || a.passage - b.passage || a.start - b.start);
}

function readSentence(sentence: Sentence, text: string, passage: number, wanted: ReadonlyMap<string, number>) {
  const from = sentence.headedFrom ?? sentence.start;
  const tokens = analyze(text.slice(from, sentence.end)).map(({ term, start, end }) => ({
    term,
    start: from + start,
    end: from + end,
  }));
  const hits = tokens.filter(({ term }) => wanted.has(term));
  const ownHits = hits.filter(({ start }) => start >= sentence.start);
  return {
    ...sentence,
    passage,
    count: tokens.length,
    terms: partsOf(hits, sentence),
    words: new Set(tokens.filter(({ start }) => start >= sentence.start).map(({ term }) => term)),
    found: ownHits.map(({ start }) => start),
    defines: ownHits.some(({ end }) => DEFINES.test(text.slice(end, sentence.end))),
    hasNumber: HAS_A_NUMBER.test(text.slice(sentence.start, sentence.end)),
  };
}

/** Each term, and how much of it the sentence tells: by itself, or by what heads it. */
function partsOf(
  hits: readonly { readonly term: string; readonly start: number }[],
  sentence: Sentence,
): ReadonlyMap<string, number> {
  const parts = new Map<string, number>();
  for (const { term, start } of hits) {
    const isNear = start >= (sentence.nearestFrom ?? sentence.start);
    const part = start >= sentence.start ? 1 : isNear ? NEAREST_HEADING_WEIGHT : FAR_HEADING_WEIGHT;
    parts.set(term, Math.max(part, parts.get(term) ?? 0));
  }
  return parts;
}

/** A few words say little, and a page of them hides what they say. */
function lengthFactor(words: number): number {
  if (words < 4) return 0.5;
  return 1 / (1 + Math.max(0, words - 40) / 60);
}
