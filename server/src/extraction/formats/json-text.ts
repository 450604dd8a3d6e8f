import type { PageText } from "./format.ts";

/**
 * JSON as it stands, one page, but for letters that are written as numbers: `Gr\u00fc\u00dfe` (what many programs write
 * for Grüße) is found by nobody. What JSON itself needs escaped stays as it is, and so does half a pair.
 */
export function* readJson(text: string): Generator<PageText> {
  yield { label: null, text: text.replace(ESCAPES, lettersOf), total: 1 };
}

/** One after another, which may be pairs; or a backslash that escapes something else, a backslash too. */
const ESCAPES = /(?:\\u[0-9a-fA-F]{4})+|\\./gs;
const UNITS = 6;

function lettersOf(escaped: string): string {
  if (!escaped.startsWith("\\u") || escaped.length < UNITS) return escaped;
  let units = "";
  for (let at = 0; at < escaped.length; at += UNITS)
    units += String.fromCharCode(Number.parseInt(escaped.slice(at + 2, at + UNITS), 16));
  let text = "";
  let at = 0;
  for (const char of units) {
    const end = at + UNITS * char.length;
    text += KEPT.test(char) ? escaped.slice(at, end) : char;
    at = end;
  }
  return text;
}

/** Controls, half pairs, line separators, and what has a meaning in a string. */
const KEPT = /^[\p{Cc}\p{Cs}\p{Zl}\p{Zp}"\\]$/u;
