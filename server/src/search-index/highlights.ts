import { readText, type Token } from "./analyze.ts";
import { ANALYSER_VERSION } from "./fold.ts";
import { scan } from "./scan.ts";
import { termOf } from "./term.ts";

/** UTF-16 code units of the text, end exclusive. */
export type Range = readonly [start: number, end: number];

/**
 * Where a text holds one of the terms: the ranges that the analyser read them from, so exactly what matched, and of a
 * term that it does not hold the neighbours that are it when they are written together (`ISO 9001` for iso9001). Ranges
 * that overlap or touch (pairs of an unspaced script) become one; they are in order and never overlap.
 * `joined`: terms that the query itself writes apart, whose words are terms.
 */
export function highlighter(
  terms: ReadonlySet<string>,
  joined: ReadonlySet<string> = new Set(),
): (text: string) => readonly Range[] {
  // A term begins as its word does. Without asking, the stems of all words of ten passages took 1.2 ms of the
  // main thread.
  const first = new Set([...terms, ...joined].map((term) => term.charCodeAt(0)));
  const beginnings = beginningsOf(terms);
  return (text) => {
    const matching: Range[] = [];
    const absent = new Set(terms);
    let mayStandApart = false;
    const mark = (term: string, start: number, end: number) => {
      if (!terms.has(term) && !joined.has(term)) return;
      matching.push([start, end]);
      absent.delete(term);
    };
    scan(text, ANALYSER_VERSION, {
      wants: (word) => first.has(word.charCodeAt(0)),
      word: (term, start, end) => {
        mark(term, start, end);
        mayStandApart ||= beginnings.has(term);
      },
      form: ({ text: form, start, end }) => mark(termOf(form), start, end),
      spelled: mark,
    });
    if (mayStandApart && absent.size > 0) matching.push(...standingApart(text, absent, beginnings));
    return united(matching);
  };
}

function united(matching: readonly Range[]): readonly Range[] {
  const ranges: [number, number][] = [];
  for (const [start, end] of matching.toSorted(([a], [b]) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([start, end]);
  }
  return ranges;
}

/**
 * What a term may begin with when it stands apart: where letters and digits meet, as a query's parts do
 * (query-spellings.ts; 12 is no 1 2, and no ½), or, of letters alone, anywhere but at its first ones, which stand
 * everywhere.
 */
function beginningsOf(terms: ReadonlySet<string>): ReadonlySet<string> {
  const beginnings = new Set<string>();
  for (const term of terms) {
    const hasDigits = DIGIT.test(term);
    for (let length = hasDigits ? 1 : LEAST_LETTERS; length < term.length; length++)
      if (!hasDigits || DIGIT.test(term.charAt(length - 1)) !== DIGIT.test(term.charAt(length)))
        beginnings.add(term.slice(0, length));
  }
  return beginnings;
}

const DIGIT = /[0-9]/;
const LEAST_LETTERS = 3;

/** Each word is looked at a few times. */
function standingApart(text: string, terms: ReadonlySet<string>, beginnings: ReadonlySet<string>): readonly Range[] {
  const { words } = readText(text);
  const spelled = words.map((word) => spelledOf(text, word));
  return words.flatMap(({ start }, first) => {
    let together = spelled[first] ?? "";
    for (let last = first + 1; last < first + MOST_APART && beginnings.has(together); last++) {
      const word = words[last];
      if (word === undefined) break;
      together += spelled[last] ?? "";
      if (terms.has(termOf(together))) return [[start, word.end] as const];
    }
    return [];
  });
}

/** Not its stem, which the whole may not have. */
function spelledOf(text: string, { term, start, end }: Token): string {
  const raw = text.slice(start, end);
  return ASCII_WORD.test(raw) ? raw.toLowerCase() : term;
}

const ASCII_WORD = /^[a-z0-9]+$/i;

/** As many parts as a word has (compounds.ts). */
const MOST_APART = 6;
