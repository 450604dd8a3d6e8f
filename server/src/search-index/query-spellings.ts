import { readText, type Token } from "./analyze.ts";
import { splitFolded, splitWord } from "./compounds.ts";
import type { Query, QueryPhrase, QueryTerm } from "./query.ts";

/** What a query writes as one word and a text as several, and the other way round. */

/** `health care` also finds healthcare. It counts less than a word that was asked for: `car pet` is no carpet. */
export function joinedNeighbours(text: string, telling: readonly Token[]): readonly QueryTerm[] {
  const known = new Set(telling.map(({ term }) => term));
  const joined: QueryTerm[] = [];
  for (const [index, second] of telling.slice(1).entries()) {
    const first = telling[index];
    if (first === undefined || joined.length >= MAX_JOINED || text.slice(first.end, second.start) !== " ") continue;
    const together = text.slice(first.start, first.end) + text.slice(second.start, second.end);
    const term = LETTERS.test(together) ? wordOf(together) : null;
    if (term === null || known.has(term)) continue;
    known.add(term);
    const spelled = text.slice(first.start, second.end);
    joined.push({ term, spelled, weight: JOINED_WEIGHT, insteadOf: [first.term, second.term] });
  }
  return joined;
}

/** Each is counted in the index. */
const MAX_JOINED = 32;
const JOINED_WEIGHT = 0.5;
const LETTERS = /^\p{L}[\p{L}\p{M}]*$/u;

/**
 * The query with the other spellings of its words that the index holds: neighbours as one word, and phrases of what a
 * word falls into. `ISO9001` also finds ISO 9001, `iPhone15` iPhone 15. Letters alone fall apart where no chunk holds
 * the word: `healthcare` finds health care. `chunksWith`: how many chunks hold a term.
 */
export function withSpellings(query: Query, chunksWith: (term: string) => number): Query {
  const terms = [...query.terms, ...query.joined.filter(({ term }) => chunksWith(term) > 0)];
  return { ...query, terms, phrases: [...query.phrases, ...phrasesOfParts(query, chunksWith)] };
}

function phrasesOfParts(query: Query, chunksWith: (term: string) => number): readonly QueryPhrase[] {
  const phrases: QueryPhrase[] = [];
  let unknown = 0;
  for (const { term, spelled, weight, insteadOf } of query.terms.slice(0, MAX_TRIED)) {
    if (insteadOf.length > 0 || phrases.length >= MAX_PHRASES) continue;
    const parts = partsOf(term, spelled);
    const ways =
      parts.length > 1 ? groupings(parts) : chunksWith(term) === 0 && unknown++ < MAX_UNKNOWN ? halves(spelled) : [];
    for (const way of ways) {
      const words = way.map((part) => wordOf(part) ?? "");
      if (words.every((word) => word !== "" && chunksWith(word) > 0))
        phrases.push({ words, telling: [...new Set(words)], joined: term, weight, isOtherSpelling: true });
    }
  }
  return phrases.slice(0, MAX_PHRASES);
}

/** Each is looked up by itself. */
const MAX_PHRASES = 4;
/** More words are a text, not a question for a name. */
const MAX_TRIED = 32;
/** Words that are tried letter by letter. */
const MAX_UNKNOWN = 4;
/** As many as make 63 ways. */
const MAX_PARTS = 6;

/** Letters and digits, words of camelCase; one = it does not fall apart. */
function partsOf(term: string, spelled: string): readonly string[] {
  const cut = ASCII_WORD.test(spelled) ? splitWord(spelled, 0) : splitFolded(term, 0, 0);
  const parts = cut?.map(({ text }) => text) ?? [];
  return parts.length > MAX_PARTS ? [] : parts;
}

const ASCII_WORD = /^[a-z0-9]+$/i;

/** Each way to write the parts with at least one gap: of a, b and c: a b c, ab c, a bc. */
function groupings(parts: readonly string[]): readonly (readonly string[])[] {
  const ways = 2 ** (parts.length - 1) - 1;
  return Array.from({ length: ways }, (_, glued) => {
    const groups: string[] = [];
    for (const [at, part] of parts.entries()) {
      const isGlued = at > 0 && (glued & (1 << (at - 1))) !== 0;
      groups.push(isGlued ? `${groups.pop()}${part}` : part);
    }
    return groups;
  });
}

/** Each way to cut a word of letters in two. */
function halves(word: string): readonly (readonly string[])[] {
  const letters = [...word];
  if (letters.length > MAX_LETTERS || !LETTERS.test(word)) return [];
  const cuts = Math.max(0, letters.length - 2 * LEAST_LETTERS + 1);
  return Array.from({ length: cuts }, (_, cut) => LEAST_LETTERS + cut).map((at) => [
    letters.slice(0, at).join(""),
    letters.slice(at).join(""),
  ]);
}

const LEAST_LETTERS = 3;
const MAX_LETTERS = 40;

/** The term of what is one word; null = it is not. */
function wordOf(text: string): string | null {
  const { words } = readText(text);
  const [word] = words;
  return word !== undefined && words.length === 1 && word.end - word.start === text.length ? word.term : null;
}
