import { analyze } from "./analyze.ts";

/** UTF-16 code units of the text, end exclusive. */
export type Range = readonly [start: number, end: number];

/**
 * Where the text holds one of the terms: the ranges that the analyser read them from, so exactly what matched. Ranges that overlap or
 * touch (pairs of an unspaced script) become one; they are in order and never overlap.
 */
export function highlights(text: string, terms: ReadonlySet<string>): readonly Range[] {
  const ranges: [number, number][] = [];
  const matching = analyze(text).filter(({ term }) => terms.has(term));
  for (const { start, end } of matching.sort((a, b) => a.start - b.start)) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([start, end]);
  }
  return ranges;
}
