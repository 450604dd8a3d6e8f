import { readText } from "./analyze.ts";
import { ANALYSER_VERSION } from "./fold.ts";
import { scan } from "./scan.ts";
import { termOf } from "./term.ts";

/** UTF-16 code units of the text, end exclusive. */
export type Range = readonly [start: number, end: number];

/**
 * Where the text holds one of the terms: the ranges that the analyser read them from, so exactly what matched, and of a term
 * that it does not hold the neighbours that are it when they are written together (`ISO 9001` for iso9001). Ranges that overlap or touch (pairs of an unspaced script)
 * become one; they are in order and never overlap.
 */
export function highlights(text: string, terms: ReadonlySet<string>): readonly Range[] {
  const matching: Range[] = [];
  const absent = new Set(terms);
  const mark = (term: string, start: number, end: number) => {
    if (!terms.has(term)) return;
    matching.push([start, end]);
    absent.delete(term);
  };
  const mayBegin = beginningOf(terms);
  const beginnings: number[] = [];
  // A term begins as its word does. Without asking, the stems of all words of ten passages took 1.2 ms of the main thread.
  const first = new Set([...terms].map((term) => term.charCodeAt(0)));
  scan(text, ANALYSER_VERSION, {
    wants: (word) => first.has(word.charCodeAt(0)),
    word: (term, start, end) => {
      mark(term, start, end);
      if (mayBegin(term)) beginnings.push(start);
    },
    form: ({ text: form, start, end }) => mark(termOf(form), start, end),
    spelled: mark,
  });
  for (const start of absent.size > 0 ? beginnings : []) {
    const end = endOfApart(text, start, absent);
    if (end !== null) matching.push([start, end]);
  }
  const ranges: [number, number][] = [];
  for (const [start, end] of matching.sort(([a], [b]) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([start, end]);
  }
  return ranges;
}

/** Whether a term may go on where this one ends. Of words of letters alone, short ones stand everywhere. */
function beginningOf(terms: ReadonlySet<string>): (term: string) => boolean {
  const longer = [...terms].map((term) => ({ term, least: /[0-9]/.test(term) ? 1 : LEAST_LETTERS }));
  return (start) =>
    longer.some(({ term, least }) => start.length >= least && term.length > start.length && term.startsWith(start));
}

const LEAST_LETTERS = 3;

/** Where the neighbours end that make a term together; null = they make none. */
function endOfApart(text: string, start: number, terms: ReadonlySet<string>): number | null {
  const here = text.slice(start, start + MOST_APART_CHARS);
  let together = "";
  for (const [index, word] of readText(here).words.slice(0, MOST_APART).entries()) {
    together += here.slice(word.start, word.end);
    const [first, ...others] = index === 0 ? [] : readText(together).words;
    if (first !== undefined && others.length === 0 && terms.has(first.term)) return start + word.end;
  }
  return null;
}

/** As many parts as a word has (compounds.ts). */
const MOST_APART = 4;
const MOST_APART_CHARS = 80;
