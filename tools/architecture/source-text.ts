/**
 * A TypeScript file as the rules look at it. Positions and line breaks stay, so that a match in `code` or `strings` has
 * the line that it has in the file.
 */
export interface SourceText {
  /** Path from the root, with `/`. */
  readonly path: string;
  readonly lines: number;
  /** The file with comments and the insides of strings blanked out. */
  readonly code: string;
  /** The file with everything but the insides of strings blanked out. */
  readonly strings: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** What stands in the quotes. */
  readonly from: string;
  /** Erased at run time. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A lexer, not a parser: it knows where strings, comments and regular expressions begin and end. */
export function readSource(path: string, text: string): SourceText {
  const code = text.split("");
  const strings: string[] = code.map((char) => (char === "\n" ? char : " "));
  const blank = (from: number, to: number, keep: boolean): void => {
    for (let i = from; i < to; i++) {
      if (text[i] === "\n") continue;
      if (keep) strings[i] = text.charAt(i);
      code[i] = " ";
    }
  };
  scan(text, 0, null, blank);
  const blanked = code.join("");
  return {
    path,
    lines: text.split("\n").length - 1,
    code: blanked,
    strings: strings.join(""),
    imports: importsOf(text, blanked),
  };
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

type Blank = (from: number, to: number, keep: boolean) => void;

/** Scans from `start` to the end, or to the `}` that closes a template's `${`. Returns where it stopped. */
function scan(text: string, start: number, close: "}" | null, blank: Blank): number {
  let depth = 0;
  let i = start;
  while (i < text.length) {
    const char = text.charAt(i);
    if (close !== null && char === close && depth === 0) return i;
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    i = skipToken(text, i, blank) ?? i + 1;
  }
  return i;
}

/** Where the comment, string or regular expression that begins at `i` ends, or null when none begins there. */
function skipToken(text: string, i: number, blank: Blank): number | null {
  const two = text.slice(i, i + 2);
  if (two === "//" || two === "/*") {
    const end = two === "//" ? text.indexOf("\n", i) : text.indexOf("*/", i) + 2;
    const stop = end < i ? text.length : end;
    blank(i, stop, false);
    return stop;
  }
  const char = text.charAt(i);
  if (char === '"' || char === "'") return skipQuoted(text, i, char, blank);
  if (char === "`") return skipTemplate(text, i, blank);
  if (char === "/" && beginsRegex(text, i)) return skipRegex(text, i, blank);
  return null;
}

function skipQuoted(text: string, start: number, quote: string, blank: Blank): number {
  let i = start + 1;
  while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  blank(start + 1, i, true);
  return i + 1;
}

function skipTemplate(text: string, start: number, blank: Blank): number {
  let from = start + 1;
  let i = from;
  while (i < text.length && text[i] !== "`") {
    if (text.startsWith("${", i)) {
      blank(from, i, true);
      i = scan(text, i + 2, "}", blank) + 1;
      from = i;
    } else i += text[i] === "\\" ? 2 : 1;
  }
  blank(from, i, true);
  return i + 1;
}

/** A `/` is a division after a value, and begins a regular expression elsewhere. */
function beginsRegex(text: string, i: number): boolean {
  const before = text.slice(0, i).trimEnd();
  return (
    before === "" ||
    /[(,=:[!&|?{};+\-*%~^<>]$/.test(before) ||
    /\b(?:return|typeof|case|in|of|await|yield)$/.test(before)
  );
}

function skipRegex(text: string, start: number, blank: Blank): number {
  let inClass = false;
  let i = start + 1;
  for (; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "[") inClass = true;
    else if (text[i] === "]") inClass = false;
    else if (text[i] === "/" && !inClass) break;
  }
  blank(start + 1, i, false);
  return i + 1;
}

/** Static imports, re-exports and dynamic imports of a literal. */
function importsOf(text: string, code: string): readonly Import[] {
  const found: Import[] = [];
  // In `code` the quotes stand where they were, and only spaces between them.
  for (const match of code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])( *)\1/g)) {
    const open = match.index + match[0].indexOf(match[1] ?? "");
    const statement = code.slice(0, match.index).match(/(?:^|[;\n])\s*((?:import|export)\b[^;]*)$/)?.[1] ?? "";
    found.push({
      from: text.slice(open + 1, open + 1 + (match[2]?.length ?? 0)),
      typeOnly: /^(?:import|export)\s+type\b/.test(statement),
      line: lineOf(text, match.index),
    });
  }
  return found;
}
