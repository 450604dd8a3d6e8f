import { type FormToken, readText, type Token, wholeTerm } from "./analyze.ts";
import { POINT } from "./compounds.ts";
import type { Query, QueryPhrase, QueryTerm } from "./query.ts";
import { joinedNeighbours } from "./query-spellings.ts";
import { isSigned } from "./signed-numbers.ts";

/**
 * Repetition counts as in the textbook's BM25: CISI's nDCG@10 rises from 0.32 to 0.38. Bounded, since each repetition
 * is scored again (unbounded: 0.38 as well).
 */
const MAX_WEIGHT = 3;
/** A part number is worth its pieces: in "price of part KT-55-20" it must outweigh two rare words of a heading. */
const MAX_JOINED_WEIGHT = 4;
/** `non relevant` where the query says non-relevant. */
const ORDINARY_WEIGHT = 0.1;
/** Each is looked up by itself; more of them in one query are no longer names that somebody looks for. */
const MAX_PHRASES = 4;
const MAX_PHRASE_WORDS = 12;
/** Each is looked for in 300 passages. Questions have some fifty; a thousand single letters took 1.2 s. */
const MAX_PAIRS = 128;

/**
 * What a query asks for: its distinct terms in order, without stop words unless it has nothing else ("to be or not to
 * be" finds Hamlet). Documents keep their stop words, so that such a query has something to find.
 */
export function readQuery(text: string): Query {
  const reading = readText(text);
  const words = reading.words.filter(isWidest);
  const isStop = ({ start, end }: Token) => STOP_WORDS.has(text.slice(start, end).toLowerCase());
  const allStop = words.every(isStop);
  const telling = allStop ? words : words.filter((word) => !isStop(word));
  // There the run weighs, not each of its pieces.
  const inRun = new Uint8Array(text.length);
  for (const { kind, start, end } of reading.forms) if (kind === "joined") inRun.fill(1, start, end);
  const toTerm = ({ term, start, end }: Token): QueryTerm => ({
    term,
    spelled: text.slice(start, end),
    weight: inRun[start] === 1 ? 1 : weightOfWord(term, text[start - 1]),
    insteadOf: [],
  });
  const forms = reading.forms
    .filter((form) => form.kind !== "split")
    .map((form) => ({ ...toTerm(form), ...weightOf(form, text) }));
  const all = reading.words.map((word) => word.term);
  return {
    terms: distinct([...telling.map(toTerm), ...forms]),
    joined: allStop ? [] : joinedNeighbours(text, telling),
    phrases: distinctPhrases(
      [...quotedPhrases(text, reading.words, isStop), ...writtenTogether(reading.forms, text)],
      MAX_PHRASES,
    ),
    pairs: allStop ? [] : distinctPhrases(pairsOf(reading.words, isStop), MAX_PAIRS),
    verbatim: all.length > 1 ? all.join(" ") : null,
    whole: wholeTerm(text),
  };
}

/** With its terms as earlier analysers read them, where they differ: for an index that holds their tokens. */
export function withOlderTerms(query: Query, text: string): Query {
  const known = new Set(readText(text).words.map((word) => word.term));
  const older = OLDER_VERSIONS.flatMap((version) => readText(text, version).words.filter(isWidest)).filter(
    (word) => !known.has(word.term),
  );
  const terms = older.map(({ term, start, end }) => ({
    term,
    spelled: text.slice(start, end),
    weight: 1,
    insteadOf: [],
  }));
  return { ...query, terms: distinct([...query.terms, ...terms]) };
}

/**
 * M8x40, C++, 4006381333931 and #4711 are names, too, though they are written as one word; the 1960s and 2nd are not.
 */
function weightOfWord(term: string, before = ""): number {
  if (DECADE_OR_ORDINAL.test(term)) return 1;
  const runs = term.match(/[0-9]+|[^0-9]+/g)?.length ?? 0;
  if (runs > 1) return Math.min(runs, MAX_JOINED_WEIGHT);
  return SIGNED_OR_LONG.test(term) || before === "#" ? 2 : 1;
}

const DECADE_OR_ORDINAL = /^[0-9]+(?:s|st|nd|rd|th)$/;
const SIGNED_OR_LONG = /[＋＃]$|^[0-9]{5,}$/;

const OLDER_VERSIONS = [1, 2] as const;

/**
 * A part number, path or address names one thing, and a text that has it as it stands is what was asked for. Words
 * with a hyphen are words: that a text spells them in the query's way tells nothing (counted beside its pieces,
 * `non-relevant` cost CISI 0.01).
 */
function weightOf(form: FormToken, text: string): Pick<QueryTerm, "weight" | "insteadOf"> {
  if (form.term.startsWith(POINT)) return { weight: 2, insteadOf: [] };
  // One more than its number, instead of which it counts.
  if (isSigned(form.term)) return { weight: /^[0-9]{1,4}$/.test(form.of) ? 2 : 3, insteadOf: [form.of] };
  if (form.kind !== "joined") return { weight: 1, insteadOf: [form.of] };
  if (isOrdinary(form, text)) return { weight: 1, insteadOf: form.pieces };
  return { weight: Math.min(form.pieces.length, MAX_JOINED_WEIGHT), insteadOf: [] };
}

/**
 * Words with hyphens, slashes (input/output) or full stops of their own (e.g.) are words; what has a digit, a sign
 * or two such is a name.
 */
function isOrdinary(form: FormToken, text: string): boolean {
  const spelled = text.slice(form.start, form.end);
  if (/[0-9\\:@=#?~+_]/.test(spelled)) return false;
  const dotted = spelled.includes(".") && form.pieces.every((piece) => piece.length > 1);
  return !dotted && (spelled.match(/[./]/g) ?? []).length < 2;
}

/** What each opening quote ends with. One that is not closed says nothing. */
const QUOTES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\u201c", "\u201d"],
  ["\u201e", "\u201c\u201d"],
  ["\u00ab", "\u00bb"],
]);

function quotedPhrases(
  text: string,
  words: readonly Token[],
  isStop: (word: Token) => boolean,
): readonly QueryPhrase[] {
  const phrases: QueryPhrase[] = [];
  for (let from = 0; from < text.length && phrases.length < MAX_PHRASES; from++) {
    const closing = QUOTES.get(text[from] ?? "");
    if (closing === undefined) continue;
    const to = Math.min(...[...closing].map((quote) => text.indexOf(quote, from + 1)).filter((at) => at > 0));
    if (to === Number.POSITIVE_INFINITY) continue;
    const within = words.filter((word) => word.start > from && word.end <= to);
    phrases.push(...phraseOf(within, isStop));
    from = to;
  }
  return phrases;
}

/** Runs without spaces, and digits in groups. Longer ones hold the shorter ones of their segments. */
function writtenTogether(forms: readonly FormToken[], text: string): readonly QueryPhrase[] {
  return forms
    .filter((form) => form.kind === "joined" && form.pieces.length <= MAX_PHRASE_WORDS)
    .map((form) => ({
      words: form.pieces,
      telling: [...new Set(form.pieces)],
      joined: form.term,
      weight: isOrdinary(form, text) ? ORDINARY_WEIGHT : Math.min(form.pieces.length, MAX_JOINED_WEIGHT),
      isOtherSpelling: false,
    }));
}

function phraseOf(words: readonly Token[], isStop: (word: Token) => boolean): readonly QueryPhrase[] {
  const telling = words.filter((word) => !isStop(word));
  if (words.length < 2 || words.length > MAX_PHRASE_WORDS || telling.length === 0) return [];
  return [
    {
      words: words.map((word) => word.term),
      telling: [...new Set(telling.map((word) => word.term))],
      joined: null,
      weight: Math.min(words.length, MAX_JOINED_WEIGHT),
      isOtherSpelling: false,
    },
  ];
}

function pairsOf(words: readonly Token[], isStop: (word: Token) => boolean): readonly QueryPhrase[] {
  const telling = words.flatMap((word, index) => (isStop(word) ? [] : [index]));
  return telling.slice(1).flatMap((to, index) => {
    const from = telling[index] ?? 0;
    if (to - from > MAX_PAIR_SPAN) return [];
    const near = (first: number, weight: number) =>
      phraseOf(words.slice(first, to + 1), isStop).map((pair) => ({ ...pair, weight }));
    const before = words[from - 1];
    if (to - from === 1) return near(from, PAIR_WEIGHT);
    return [...near(from, SPAN_WEIGHT), ...(before !== undefined && isStop(before) ? near(from - 1, LONG_WEIGHT) : [])];
  });
}

/**
 * What a pair adds, as if it were a word of that idf, whatever its rarity: most pairs of a question stand in no text
 * at all, and would outweigh rare words (CISI 0.363 with a pair's own idf, 0.386 with these).
 */
const PAIR_WEIGHT = 0.5;
/** With the same stop words between them (notice of default) they are hardly there by chance … */
const SPAN_WEIGHT = 0.5;
/** … still less with the one before them (a notice of default). */
const LONG_WEIGHT = 3;

/** Two words with up to two stop words between them: bill of the lading. */
const MAX_PAIR_SPAN = 3;

/**
 * In a run of unspaced script a character also stands alone, so that a query of one character finds it. A query of two
 * or more means the pairs: its single characters would only match everything.
 */
function isWidest(token: Token, index: number, all: readonly Token[]): boolean {
  const within = (other: Token | undefined) =>
    other !== undefined &&
    other.start <= token.start &&
    other.end >= token.end &&
    other.end - other.start > token.end - token.start;
  return !within(all[index - 1]) && !within(all[index + 1]);
}

/** The first `most` different ones: `x y x y …` says two things, not a thousand. */
function distinctPhrases(phrases: readonly QueryPhrase[], most: number): readonly QueryPhrase[] {
  const seen = new Map<string, QueryPhrase>();
  for (const phrase of phrases) {
    const key = `${phrase.joined ?? ""} ${phrase.words.join(" ")}`;
    if (!seen.has(key)) seen.set(key, phrase);
  }
  return [...seen.values()].slice(0, most);
}

function distinct(words: readonly QueryTerm[]): readonly QueryTerm[] {
  const seen = new Map<string, QueryTerm>();
  for (const word of words) {
    const before = seen.get(word.term);
    if (before === undefined) seen.set(word.term, word);
    else if (before.weight < MAX_WEIGHT) seen.set(word.term, { ...before, weight: before.weight + 1 });
  }
  return [...seen.values()];
}

/**
 * English function words and the words that questions are made of. Short on purpose: the term budget bounds the cost
 * of the rest.
 */
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a about an and any are as at be been being but by can did do does for from had has have he her his how i if in into is it its " +
    "me my no not of on or our she so such than that the their them then there these they this those to us was we were what when " +
    "where which who why will with would you your"
  ).split(" "),
);
