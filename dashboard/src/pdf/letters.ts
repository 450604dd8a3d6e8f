/**
 * Where a passage stands among the characters of a page. The server's text and PDFium's characters differ in line
 * ends, hyphens at them, and controls, so what is compared is letters alone, folded; each remembers the character that
 * it came from.
 */
export interface Letters {
  readonly text: string;
  /** Of each UTF-16 unit of `text`: the index of its character. */
  readonly from: readonly number[];
}

export function lettersOf(characters: Iterable<readonly [index: number, character: string]>): Letters {
  let text = "";
  const from: number[] = [];
  for (const [index, character] of characters) {
    const folded = character.normalize("NFKC").toLowerCase().replaceAll(NO_LETTER, "");
    text += folded;
    for (let i = 0; i < folded.length; i++) from.push(index);
  }
  return { text, from };
}

export function* charactersOf(text: string): Generator<readonly [number, string]> {
  let at = 0;
  for (const character of text) {
    yield [at, character];
    at += character.length;
  }
}

/** Spaces, controls, hyphens of every kind, and what is no character. */
const NO_LETTER = /[\s\p{Cc}\p{Cf}\p{Cn}\u00ad\u002d\u2010-\u2015\ufffe\uffff]/gu;

/**
 * First and last character (inclusive) of `wanted` in the page; null: it is not there. Of several places, the nearest
 * to `expected` letters.
 */
export function placeOf(
  page: Letters,
  wanted: string,
  expected: number,
): readonly [first: number, last: number] | null {
  if (wanted === "") return null;
  let best: number | null = null;
  for (let at = page.text.indexOf(wanted); at >= 0; at = page.text.indexOf(wanted, at + 1)) {
    if (best === null || Math.abs(at - expected) < Math.abs(best - expected)) best = at;
  }
  if (best === null) return null;
  const [first, last] = [page.from[best], page.from[best + wanted.length - 1]];
  return first === undefined || last === undefined ? null : [first, last];
}
