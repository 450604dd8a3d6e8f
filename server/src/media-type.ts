/**
 * A media type with its parameters (RFC 9110 §8.3.1, §5.6.6), read from left to right in one pass: a regular
 * expression for the same grammar takes exponential time on `a/b;  ;  ;  (`, since it can divide the blanks between
 * the parts in many ways.
 */
export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly essence: string;
  /** Names in lower case, values without their quotes, in the order sent. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/**
 * null for what is none. Blanks around `;` and empty parameters are allowed, as the RFC does; around `=`, which it
 * forbids, they are not.
 */
export function parseMediaType(text: string): MediaType | null {
  const slash = endOfToken(text, 0);
  const typeEnd = endOfToken(text, slash + 1);
  if (slash === 0 || text[slash] !== "/" || typeEnd === slash + 1) return null;
  const parameters: (readonly [string, string])[] = [];
  for (let at = afterBlanks(text, typeEnd); at < text.length; at = afterBlanks(text, at)) {
    if (text[at] !== ";") return null;
    at = afterBlanks(text, at + 1);
    if (at === text.length || text[at] === ";") continue;
    const found = parameterAt(text, at);
    if (found === null) return null;
    parameters.push([found.name, found.value]);
    at = found.end;
  }
  return { essence: text.slice(0, typeEnd).toLowerCase(), parameters };
}

interface Found {
  readonly value: string;
  /** Just behind it. */
  readonly end: number;
}

/** `name=token` or `name="quoted"`. */
function parameterAt(text: string, start: number): (Found & { readonly name: string }) | null {
  const equals = endOfToken(text, start);
  if (equals === start || text[equals] !== "=") return null;
  const name = text.slice(start, equals).toLowerCase();
  if (text[equals + 1] === '"') {
    const quoted = quotedAt(text, equals + 1);
    return quoted === null ? null : { name, ...quoted };
  }
  const end = endOfToken(text, equals + 1);
  return end === equals + 1 ? null : { name, value: text.slice(equals + 1, end), end };
}

/** A quoted-string: a backslash takes the next character as it is. Control characters are in none. */
function quotedAt(text: string, start: number): Found | null {
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"') return { value, end: at + 1 };
    if (char === "\\") at += 1;
    if (isControl(text.charCodeAt(at))) return null;
    value += text.charAt(at);
  }
  return null;
}

function isControl(code: number): boolean {
  return (code < 0x20 && code !== 0x09) || code === 0x7f;
}

function afterBlanks(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at += 1;
  return at;
}

const TOKEN_CHARS: ReadonlySet<string> = new Set(
  "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
);

/** Where the token (RFC 9110 §5.6.2) that begins at `start` ends; `start` when none does. */
function endOfToken(text: string, start: number): number {
  let at = start;
  while (at < text.length && TOKEN_CHARS.has(text.charAt(at))) at += 1;
  return at;
}
