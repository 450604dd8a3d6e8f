import { stemEnglish } from "./stem-english.ts";

/** A longer word is known by its beginning, in UTF-16 code units: base64 and other noise must not fill the index. */
const MAX_TERM = 64;

/** The term of a folded word: its stem when it is of a–z alone, and never longer than MAX_TERM. */
export function termOf(word: string): string {
  if (word.length > MAX_KEPT_LENGTH) return isEnglish(word) ? stemEnglish(clip(word)) : clip(word);
  const found = stems.get(word);
  if (found !== undefined) return found;
  const made = isEnglish(word) ? stemEnglish(word) : word;
  if (stems.size >= MAX_STEMS) stems.clear();
  stems.set(word, made);
  return made;
}

/**
 * Stems of short words, which repeat: stemming each afresh costs a third of the speed. Words from 13 characters on are
 * not kept: V8 makes them views into the whole text, and a kept view keeps the text.
 */
const stems = new Map<string, string>();
const MAX_STEMS = 50_000;
const MAX_KEPT_LENGTH = 12;

/** Never between the halves of a surrogate pair. */
export function clip(term: string): string {
  if (term.length <= MAX_TERM) return term;
  const last = term.charCodeAt(MAX_TERM - 1);
  return term.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_TERM - 1 : MAX_TERM);
}

function isEnglish(term: string): boolean {
  for (let i = 0; i < term.length; i++) {
    const code = term.charCodeAt(i);
    if (code < 97 || code > 122) return false;
  }
  return true;
}
