import type { AnswerPart } from "../writer.ts";

/** `[3]` and `[1, 2]`; nothing else is a citation. */
const MARK = /\[[ \t]{0,3}(\d{1,12}(?:,[ \t]{0,3}\d{1,12}){0,15})[ \t]{0,3}\]/g;
/** `[2019]` is a year, and no passage has such a number: a reader must not take it for one. */
const YEAR = /\d{4}/;
/** What may still become a mark when more text comes. */
const BEGUN = /\[[\d, \t]{0,256}$/;

type Part = Exclude<AnswerPart, { kind: "usage" }>;

/**
 * A model's text in pieces of any length → text and citations. A mark may be cut anywhere, so what may be the beginning
 * of one is held back until the next piece. `[1]` names the first passage.
 */
export class CitationMarks {
  #held = "";

  push(text: string): readonly Part[] {
    const all = this.#held + text;
    const begun = BEGUN.exec(all)?.index ?? all.length;
    this.#held = all.slice(begun);
    return partsOf(all.slice(0, begun));
  }

  /** What was held back is no mark. */
  end(): readonly Part[] {
    const rest = this.#held;
    this.#held = "";
    return partsOf(rest);
  }
}

function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const mark of text.matchAll(MARK)) {
    if (mark.index > from) parts.push({ kind: "text", text: text.slice(from, mark.index) });
    const numbers = mark[1] ?? "";
    if (YEAR.test(numbers)) parts.push({ kind: "text", text: `(${numbers})` });
    else for (const number of numbers.split(",")) parts.push({ kind: "cite", passage: Number(number) - 1 });
    from = mark.index + mark[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}
