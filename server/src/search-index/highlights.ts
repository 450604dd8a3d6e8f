import { ANALYSER_VERSION } from "./fold.ts";
import { scan } from "./scan.ts";
import { termOf } from "./term.ts";

/** UTF-16 code units of the text, end exclusive. */
export type Range = readonly [start: number, end: number];

/**
 * Where the text holds one of the terms: the ranges that the analyser read them from, so exactly what matched. Ranges
 * that overlap or touch (pairs of an unspaced script) become one; they are in order and never overlap.
 */
export function highlights(text: string, terms: ReadonlySet<string>): readonly Range[] {
  const matching: Range[] = [];
  const mark = (term: string, start: number, end: number) => {
    if (terms.has(term)) matching.push([start, end]);
  };
  // A term begins as its word does. Without asking, the stems of all words of ten passages took 1.2 ms of the
  // main thread.
  const first = new Set([...terms].map((term) => term.charCodeAt(0)));
  scan(text, ANALYSER_VERSION, {
    wants: (word) => first.has(word.charCodeAt(0)),
    word: mark,
    form: ({ text: form, start, end }) => mark(termOf(form), start, end),
    spelled: mark,
  });
  const ranges: [number, number][] = [];
  for (const [start, end] of matching.sort(([a], [b]) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([start, end]);
  }
  return ranges;
}
