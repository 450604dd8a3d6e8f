import { LIMITS } from "../../limits.ts";
import { readQuery } from "../../search-index/query-terms.ts";

/** A question as quotations are chosen by it. */
export interface Asking {
  /** What a sentence is looked for by → how much it is meant, as in a search. */
  readonly wanted: ReadonlyMap<string, number>;
  readonly forNumber: boolean;
  readonly whatItIs: boolean;
}

/** Pure; reads as much of the question as a search does. */
export function readAsking(question: string): Asking {
  const text = question.slice(0, LIMITS.queryChars);
  const { terms } = readQuery(text);
  const telling = terms.filter(({ spelled }) => !ASKING_WORDS.has(spelled.toLowerCase()));
  // A question of nothing else is asked by them.
  const wanted = telling.length > 0 ? telling : terms;
  return {
    wanted: new Map(wanted.map(({ term, weight }) => [term, weight])),
    forNumber: FOR_NUMBER.some((words) => words.test(text)),
    whatItIs: WHAT_IT_IS.test(text),
  };
}

/** Questions are made of them, beside the words that no search looks for: whoever holds one of them answers nothing. */
const ASKING_WORDS: ReadonlySet<string> = new Set(
  "also am anything could get long many may might much must often off please shall should something tell want".split(
    " ",
  ),
);

const FOR_NUMBER = [
  // How high, how often; not how to, how does.
  /\bhow (?!(?:are|can|could|did|do|does|has|have|i|in|is|may|must|shall|should|the|to|was|we|will|would)\b)[a-z]/i,
  /\b(?:when|minimum|maximum|wann)\b/i,
  /\bwie (?:alt|groß|hoch|lange|oft|schwer|teuer|tief|viele?|weit)\b|\bwas kostet\b/i,
];

const WHAT_IT_IS = /^\s*(?:what|who)(?:['’]s| is| are| was| were| does [^?]* mean)\b/i;
