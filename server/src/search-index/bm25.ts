/**
 * The formula that finds the best chunks: BM25 over the fields title and body of a team's chunks, as SQLite's FTS5
 * computes it (`bm25(f, 4, 1, 0)`); every engine finds the same ones. In which order they come is
 * passage-score.ts's. The conformance suite holds each adapter against both.
 *
 *     score  = Σ over the query's terms  weight · idf · tf · (K1 + 1) / (tf + K1 · (1 − B + B · length / average length))
 *     tf     = TITLE_WEIGHT · occurrences in the title + occurrences in the body
 *     length = tokens of title, body and hints; the hints are a handful beside some two hundred
 *     idf    = ln((N − n + ½) / (n + ½)), at least MIN_IDF: a word in more than half of the chunks tells nothing but still matches
 *
 * N is the number of the team's chunks, n how many hold the term; weight is how often the query says it
 * (query-terms.ts).
 */
export const TITLE_WEIGHT = 4;
export const BODY_WEIGHT = 1;
export const K1 = 1.2;
const B = 0.75;
const MIN_IDF = 1e-6;

export interface Occurrences {
  readonly title: number;
  readonly body: number;
}

export function idf(chunks: number, chunksWithTerm: number): number {
  return Math.max(Math.log((chunks - chunksWithTerm + 0.5) / (chunksWithTerm + 0.5)), MIN_IDF);
}

/** What a frequency is set against: longer chunks hold more of everything. `relativeLength` is in average lengths. */
export function lengthFactor(relativeLength: number): number {
  return K1 * (1 - B + B * relativeLength);
}

/**
 * The same of a chunk's tokens, remembered: two divisions for each entry of a list are half of what scoring it takes.
 */
export class LengthFactors {
  readonly #averageTokens: number;
  readonly #known = new Float64Array(MOST_KNOWN_TOKENS);

  constructor(averageTokens: number) {
    this.#averageTokens = averageTokens;
  }

  of(tokens: number): number {
    const known = this.#known[tokens];
    if (known !== undefined && known !== 0) return known;
    const factor = lengthFactor(tokens / this.#averageTokens);
    if (tokens < MOST_KNOWN_TOKENS) this.#known[tokens] = factor;
    return factor;
  }
}

const MOST_KNOWN_TOKENS = 1024;

/** What one term adds to a chunk's score. `relativeLength` is the chunk's length in average lengths. */
function termScore(weightedIdf: number, occurrences: Occurrences, relativeLength: number): number {
  const frequency = TITLE_WEIGHT * occurrences.title + BODY_WEIGHT * occurrences.body;
  return (weightedIdf * frequency * (K1 + 1)) / (frequency + lengthFactor(relativeLength));
}

/** A chunk as the formula sees it: tokens of its fields, each space-joined. */
export interface ScoredText {
  readonly title: string;
  readonly body: string;
  readonly hints: string;
}

export interface WeightedTerm {
  readonly term: string;
  readonly weight: number;
  /** How many of the team's chunks hold it. */
  readonly chunks: number;
}

/** Scores one chunk by all of the terms. */
export function scoreText(
  text: ScoredText,
  terms: readonly WeightedTerm[],
  team: { chunks: number; tokens: number },
): number {
  const title = tokensOf(text.title);
  const body = tokensOf(text.body);
  const length = title.length + body.length + tokensOf(text.hints).length;
  const occurrences = new Map(terms.map((each) => [each.term, { title: 0, body: 0 }]));
  for (const token of title) increment(occurrences.get(token), "title");
  for (const token of body) increment(occurrences.get(token), "body");
  const relativeLength = length / (team.tokens / team.chunks);
  let sum = 0;
  for (const { term, weight, chunks } of terms) {
    const found = occurrences.get(term);
    if (found === undefined || found.title + found.body === 0) continue;
    sum += termScore(weight * idf(team.chunks, chunks), found, relativeLength);
  }
  return sum;
}

export function tokensOf(spaceJoined: string): readonly string[] {
  return spaceJoined === "" ? [] : spaceJoined.split(" ");
}

function increment(occurrences: { title: number; body: number } | undefined, field: "title" | "body"): void {
  if (occurrences !== undefined) occurrences[field] += 1;
}

/** Rank order: score first, then older file (ids are time-ordered), then position; the build only makes it total. */
export function compareRanked(a: Ranked, b: Ranked): number {
  return b.score - a.score || compareText(a.file, b.file) || a.position - b.position || compareText(a.build, b.build);
}

export interface Ranked {
  readonly score: number;
  readonly file: string;
  readonly build: string;
  readonly position: number;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
