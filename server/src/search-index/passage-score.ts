import { BODY_WEIGHT, K1, lengthFactor, type Occurrences, type ScoredText, TITLE_WEIGHT, tokensOf } from "./bm25.ts";
import type { Query, QueryPhrase } from "./query.ts";
import type { CountedTerm } from "./term-budget.ts";

/**
 * How the best chunks of a query are put in their order. An engine finds them by BM25 over single words (bm25.ts),
 * which knows no order of words; here each is read again, by the same formula with more to go by:
 *
 * - a **phrase** (in quotes, or written without a space) and the **whole query** are terms of their own, as rare as
 *   they are among what was found; **neighbours** of the query that are neighbours in the text add a little;
 * - idf never vanishes: max(ln o, ⅒ ln(1 + o)) of the odds o = (N − n + ½) / (n + ½). In a team of two documents
 *   FTS5's formula gives every word the weight 1e-6;
 * - the average length stays between two bounds, so that ten thousand near-empty documents do not make the others look
 *   long;
 * - a **title that is the query** comes first.
 *
 * What holds nothing that is asked for is left out. The same for every engine: pure, and the conformance suite holds
 * each adapter against it.
 */
export function passageScores<Id>(
  found: ReadonlyMap<Id, Passage>,
  { query, terms, team }: Scoring,
): ReadonlyMap<Id, number> {
  const phrases = [...query.phrases, ...query.pairs];
  const passages = [...found].map(([id, passage]) => ({
    id,
    passage,
    phrases: phrases.map((phrase) => phraseIn(passage, phrase)),
  }));
  const verbatim = query.verbatim?.split(" ") ?? null;
  // Of two words it is their pair.
  const asPair = phrases.findIndex(({ words, joined }) => joined === null && words.join(" ") === query.verbatim);
  const words = scoredWords(terms, team.chunks);
  const phraseWeights = phrases.map((phrase, index) => {
    const holding = passages.filter(({ phrases: at }) => at[index] !== 0).length;
    const idf = lastingIdf(team.chunks, holding);
    return index < query.phrases.length ? phrase.weight * idf : Math.min(phrase.weight, idf);
  });
  const averageTokens = Math.min(Math.max(team.tokens / team.chunks, LEAST_AVERAGE_TOKENS), MOST_AVERAGE_TOKENS);
  const rarest = lastingIdf(team.chunks, 1);
  const above = MANY * (K1 + 1) * rarest * (1 + terms.reduce((sum, term) => sum + term.weight, 0));
  const scores = new Map(
    passages.map(({ id, passage, phrases: at }) => {
      const factor = lengthFactor(passage.tokens / averageTokens);
      const gain = (weight: number, frequency: number) =>
        frequency === 0 ? 0 : (weight * frequency * (K1 + 1)) / (frequency + factor);
      const gains = new Float64Array(words.length);
      let score = 0;
      for (const [number, { term, weightedIdf, insteadOf }] of words.entries()) {
        const own = gain(weightedIdf, passage.frequency(term));
        gains[number] = own;
        let counted = 0;
        for (const other of insteadOf) counted += gains[other] ?? 0;
        score += Math.max(0, own - counted);
      }
      for (const [index, frequency] of at.entries()) score += gain(phraseWeights[index] ?? 0, frequency);
      if (verbatim !== null) score += gain(rarest, at[asPair] ?? passage.once(verbatim));
      if (query.whole !== "" && passage.isInTitle(query.whole)) score += above;
      return [id, score];
    }),
  );
  // The parts of a word stand there, but apart.
  for (const [id, score] of scores) if (score === 0) scores.delete(id);
  return scores;
}

interface ScoredWord {
  readonly term: string;
  readonly weightedIdf: number;
  /**
   * Numbers of the words that it is another spelling of. Words stand before the forms that are spelled instead of them.
   */
  readonly insteadOf: readonly number[];
}

function scoredWords(terms: readonly CountedTerm[], teamChunks: number): readonly ScoredWord[] {
  const numbers = new Map(terms.map(({ term }, number) => [term, number]));
  return terms.map(({ term, weight, chunks, insteadOf }) => ({
    term,
    weightedIdf: weight * lastingIdf(teamChunks, chunks),
    insteadOf: insteadOf.flatMap((other) => numbers.get(other) ?? []),
  }));
}

export interface Scoring {
  readonly query: Query;
  /** Those of its terms that some chunk of the team holds. */
  readonly terms: readonly CountedTerm[];
  readonly team: { readonly chunks: number; readonly tokens: number };
}

/** A chunk of 1 200 characters has some 200 tokens; one that was cut for its heading has a few. */
const LEAST_AVERAGE_TOKENS = 64;
const MOST_AVERAGE_TOKENS = 256;
/** More than everything else together: words, phrases, pairs and the whole. */
const MANY = 4;

/**
 * FTS5's where it tells something, and never 0: of two words in more than half of the chunks the rarer one still
 * tells more.
 */
function lastingIdf(chunks: number, chunksWithTerm: number): number {
  const n = Math.min(chunksWithTerm, chunks);
  const odds = (chunks - n + 0.5) / (n + 0.5);
  return Math.max(Math.log(odds), Math.log(1 + odds) / 10);
}

/** A text that spells it without a gap holds it as one term, which counts as such. */
function phraseIn(passage: Passage, { words, telling, joined }: QueryPhrase): number {
  if (joined !== null && passage.frequency(joined) > 0) return 0;
  // Most pairs of a question are in no passage: what lacks a word of them is not looked through.
  return telling.every((word) => passage.mayHold(word)) ? passage.once(words) : 0;
}

/** One chunk that is read again: 100 of them a query, or 300. */
export interface Passage {
  /** Of all its fields. */
  readonly tokens: number;
  /**
   * How often it holds the term, as BM25 counts: the title's count TITLE_WEIGHT times. Of a word that is no
   * wanted term: 0.
   */
  frequency(term: string): number;
  isInTitle(term: string): boolean;
  /** False: it does not. Of a word that is no wanted term it may say nothing. */
  mayHold(term: string): boolean;
  /** The same of the words one after another, as if it held them once in each field that does. */
  once(words: readonly string[]): number;
}

/** What a passage must be able to count. */
export function wantedTerms({ query, terms }: Pick<Scoring, "query" | "terms">): readonly string[] {
  const parts = query.phrases.flatMap(({ words, isOtherSpelling }) => (isOtherSpelling ? words : []));
  return [...new Set([...terms.map(({ term }) => term), ...parts, query.whole])];
}

/** By its token text: a few terms are looked for in it, many are counted in one walk over its tokens. */
export class TextPassage implements Passage {
  readonly #title: string;
  readonly #body: string;
  readonly #counts: ReadonlyMap<string, Occurrences>;
  readonly tokens: number;

  constructor({ title, body, hints }: ScoredText, wanted: readonly string[]) {
    this.#title = title;
    this.#body = body;
    this.#counts = wanted.length > MOST_LOOKED_FOR ? countAll(title, body, wanted) : lookForEach(title, body, wanted);
    this.tokens = tokenCount(title) + tokenCount(body) + tokenCount(hints);
  }

  frequency(term: string): number {
    return weighted(this.#counts.get(term) ?? NOWHERE);
  }

  isInTitle(term: string): boolean {
    return (this.#counts.get(term) ?? NOWHERE).title > 0;
  }

  mayHold(term: string): boolean {
    const count = this.#counts.get(term);
    return count === undefined || weighted(count) > 0;
  }

  once(words: readonly string[]): number {
    return wordsIn({ title: this.#title, body: this.#body }, words);
  }
}

/** Passage.once of a token text. */
export function wordsIn({ title, body }: Pick<ScoredText, "title" | "body">, words: readonly string[]): number {
  const phrase = words.join(" ");
  return weighted({ title: Number(nextIn(title, phrase, 0) >= 0), body: Number(nextIn(body, phrase, 0) >= 0) });
}

const NOWHERE: Occurrences = { title: 0, body: 0 };

function weighted({ title, body }: Occurrences): number {
  return TITLE_WEIGHT * title + BODY_WEIGHT * body;
}

/**
 * Thirty words in 400 chunks: 11 ms one by one, 2 ms in one walk over each; three words in 200 chunks: 0.6 and 1.7
 * ms.
 */
const MOST_LOOKED_FOR = 8;

function lookForEach(title: string, body: string, wanted: readonly string[]): ReadonlyMap<string, Occurrences> {
  return new Map(wanted.map((term) => [term, { title: occurrencesIn(title, term), body: occurrencesIn(body, term) }]));
}

function countAll(title: string, body: string, wanted: readonly string[]): ReadonlyMap<string, Occurrences> {
  const counts = new Map(wanted.map((term) => [term, { title: 0, body: 0 }]));
  for (const field of ["title", "body"] as const) {
    for (const token of tokensOf(field === "title" ? title : body)) {
      const count = counts.get(token);
      if (count !== undefined) count[field] += 1;
    }
  }
  return counts;
}

function tokenCount(spaceJoined: string): number {
  if (spaceJoined === "") return 0;
  let tokens = 1;
  for (let at = 0; at < spaceJoined.length; at++) if (spaceJoined.charCodeAt(at) === SPACE) tokens++;
  return tokens;
}

function occurrencesIn(field: string, term: string): number {
  if (term === "") return 0;
  let count = 0;
  for (let at = nextIn(field, term, 0); at >= 0; at = nextIn(field, term, at + term.length)) count++;
  return count;
}

/** Where the tokens stand one after another, as whole ones; -1 = nowhere. */
function nextIn(field: string, tokens: string, from: number): number {
  let at = field.indexOf(tokens, from);
  while (at >= 0 && !(isEdge(field, at - 1) && isEdge(field, at + tokens.length))) at = field.indexOf(tokens, at + 1);
  return at;
}

function isEdge(field: string, at: number): boolean {
  return at < 0 || at >= field.length || field.charCodeAt(at) === SPACE;
}

const SPACE = 0x20;
