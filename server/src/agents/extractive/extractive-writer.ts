import type { AnswerPart, AnswerWriter, GivenPassage, WritingTask } from "../writer.ts";
import { type ScoredSentence, scoreSentences } from "./score-sentences.ts";

/** The first line of every such answer: nobody shall take a quotation for a conclusion. */
export const FIRST_LINE = "Quoted from the documents; no language model wrote this.";
/** … nor what only shares a word with the question for its answer. */
export const FAR_FROM_IT = "No sentence holds much of what was asked; the nearest:";
const MUCH = 1 / 3;

const MOST_QUOTES = 5;
/** A quotation is at most so long; of a longer sentence the part around what was asked for is quoted. */
const QUOTE_CHARS = 400;
/** … and this much before it. */
const LEAD_CHARS = 60;
/** One that tells less than this part of what the best one tells, or is worth less of it, is padding … */
const LEAST_SHARE = 0.7;
/** … and one that tells nothing new has to be nearly as good as the best one, to tell a good part of what was asked. */
const LEAST_SHARE_OF_SAME = 0.75;
const LEAST_TOLD_BY_SAME = 0.45;
const MOST_OF_SAME = 2;
/** Of the words of the shorter one: two that have so much in common say the same. */
const SAME_WORDS = 0.85;

/** The sentences that answer, quoted, each with its number: what Wharf says without a chat server. */
export class ExtractiveWriter implements AnswerWriter {
  async *write({ question, passages }: WritingTask): AsyncGenerator<AnswerPart> {
    const { quotes, told } = choose(question, passages);
    yield { kind: "text", text: told < MUCH ? `${FIRST_LINE} ${FAR_FROM_IT}` : FIRST_LINE };
    for (const { passage, text } of quotes) {
      yield { kind: "text", text: `\n\n${withoutMarks(text)} ` };
      yield { kind: "cite", passage };
    }
  }
}

export interface Quote {
  /** Place in the passages. */
  readonly passage: number;
  readonly text: string;
}

/** Best first. At least one: where no sentence tells more than another, the beginning of the best passage. Pure. */
export function quotesOf(question: string, passages: readonly GivenPassage[]): readonly Quote[] {
  return choose(question, passages).quotes;
}

interface Choice {
  readonly quotes: readonly Quote[];
  /** The most of the question that one of them tells: 0 to 1. */
  readonly told: number;
}

function choose(question: string, passages: readonly GivenPassage[]): Choice {
  const ranked = scoreSentences(question, passages);
  const best = ranked[0]?.score ?? 0;
  const told = new Set<string>();
  const chosen: ScoredSentence[] = [];
  let ofSame = 0;
  for (const sentence of ranked) {
    if (chosen.length === MOST_QUOTES || sentence.score < best * LEAST_SHARE) break;
    if (sentence.share < (ranked[0]?.share ?? 0) * LEAST_SHARE) continue;
    if (chosen.some((other) => saysTheSame(other, sentence))) continue;
    const tellsMore = [...sentence.terms.keys()].some((term) => !told.has(term));
    if (!tellsMore && chosen.length > 0) {
      const isGood = sentence.score >= best * LEAST_SHARE_OF_SAME && sentence.share >= LEAST_TOLD_BY_SAME;
      if (!isGood || ofSame === MOST_OF_SAME) continue;
      ofSame += 1;
    }
    chosen.push(sentence);
    for (const term of sentence.terms.keys()) told.add(term);
  }
  const quotes = chosen.map((sentence) => ({
    passage: sentence.passage,
    text: shorten(passages[sentence.passage]?.text ?? "", sentence),
  }));
  return { quotes, told: Math.max(0, ...chosen.map(({ share }) => share)) };
}

/** Two versions of a document, and passages that overlap, say much in nearly the same words. */
function saysTheSame(a: ScoredSentence, b: ScoredSentence): boolean {
  const [few, many] = a.words.size < b.words.size ? [a.words, b.words] : [b.words, a.words];
  const shared = [...few].filter((word) => many.has(word)).length;
  return few.size > 0 && shared / few.size >= SAME_WORDS;
}

/** On one line; of a long sentence the part that holds most of what was asked for, cut at blanks. */
function shorten(text: string, { start, end, found }: ScoredSentence): string {
  if (end - start <= QUOTE_CHARS) return asProse(text.slice(start, end));
  const held = (from: number) => found.filter((at) => at >= from && at < from + QUOTE_CHARS - LEAD_CHARS).length;
  const fullest = found.reduce((best, at) => (held(at) > held(best) ? at : best), found[0] ?? start);
  let from = Math.min(Math.max(start, fullest - LEAD_CHARS), end - QUOTE_CHARS);
  let to = from + QUOTE_CHARS;
  while (from > start && from < to - 1 && !isBlank(text, from - 1)) from += 1;
  while (to < end && to > from + QUOTE_CHARS / 2 && !isBlank(text, to)) to -= 1;
  return `${from > start ? "… " : ""}${asProse(text.slice(from, to))}${to < end ? " …" : ""}`;
}

function isBlank(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}

/** On one line, without what Markdown draws tables, lists, links and bold words with, and an answer's `A:`. */
function asProse(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const cells = line.startsWith("|") || line.endsWith("|") ? line.replaceAll("|", " ") : line;
  const prose = cells
    .replaceAll("**", "")
    .replace(/!?\[([^[\]]{0,200})\]\([^()\s]{1,500}\)/g, "$1")
    .replace(/^[\s>#*•–-]+ (?=\S)/, "")
    .replace(/^(?:A|Answer|Antwort): ?(?=\S)/, "")
    .replace(/\s+/g, " ")
    .trim();
  return prose === "" ? line : prose;
}

/** What a document numbers `[7]` would look like a citation of ours. */
function withoutMarks(text: string): string {
  return text.replace(/\[(\s*\d[\d, ]{0,64})\]/g, "($1)");
}
