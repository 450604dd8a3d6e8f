import { LIMITS } from "../../limits.ts";
import { decoderOf } from "./decoder.ts";

/** How much of a text is looked at before it is taken for one. */
const SAMPLE_BYTES = 64 * 1024;
/** More control characters than this and it is no text. */
const CONTROL_RATIO = 0.002;

/**
 * The text of bytes that should be text, or null when they are not. In order: a byte order mark; ISO-2022, whose bytes
 * are all ASCII; strict UTF-8; UTF-16 and UTF-32 without a mark; then, unless too much of it is control characters,
 * UTF-8 with a few bad bytes, the declared charset, and last a guess (guess-encoding.ts).
 */
export async function decodeText(bytes: Buffer, declaredCharset: () => string | null): Promise<string | null> {
  const marked = decodeMarked(bytes);
  if (marked !== null) return marked;
  const unicode = decodeStrict("utf-8", bytes);
  if (unicode !== null) {
    const escaped = decodeIso2022(bytes);
    if (escaped !== null) return escaped;
    if (!hasManyControls(bytes)) return unicode;
  }
  const wide = await decodeWide(bytes);
  if (wide !== null) return wide;
  if (hasManyControls(bytes)) return null;
  if (isNearlyUtf8(bytes)) return new TextDecoder("utf-8").decode(bytes);
  const declared = declaredCharset();
  return (declared === null ? null : decodeDeclared(declared, bytes)) ?? (await decodeGuessed(bytes));
}

/** Of a text that says nothing of its encoding. */
export const undeclared = (): null => null;

/** `charset` of a media type or of `<meta>`, in lower case, or null. */
export function charsetOf(declaration: string): string | null {
  return /charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})/i.exec(declaration)?.[1]?.toLowerCase() ?? null;
}

/** Null when the bytes are not valid in that encoding, or TextDecoder does not know it. */
export function decodeStrict(encoding: string, bytes: Uint8Array): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function decodeMarked(bytes: Buffer): string | null {
  if (startsWith(bytes, [0xef, 0xbb, 0xbf])) return new TextDecoder("utf-8").decode(bytes);
  // Before UTF-16: a UTF-32 mark begins with a UTF-16 one.
  if (startsWith(bytes, [0xff, 0xfe, 0, 0])) return decodeUtf32(bytes.subarray(4), "little");
  if (startsWith(bytes, [0, 0, 0xfe, 0xff])) return decodeUtf32(bytes.subarray(4), "big");
  if (startsWith(bytes, [0xff, 0xfe])) return new TextDecoder("utf-16le").decode(bytes);
  if (startsWith(bytes, [0xfe, 0xff])) return new TextDecoder("utf-16be").decode(bytes);
  return null;
}

/**
 * What a legacy charset may leave undecoded when it is declared: a few damaged bytes are no reason to disbelieve it.
 */
const BAD_SHARE = 0.002;

function decodeDeclared(charset: string, bytes: Buffer): string | null {
  const strict = decodeStrict(charset, bytes);
  if (strict !== null) return strict;
  try {
    const text = decoderOf(charset).decode(bytes);
    return badCharacters(text) <= text.length * BAD_SHARE ? text : null;
  } catch {
    return null;
  }
}

function badCharacters(text: string): number {
  let bad = 0;
  for (let at = text.indexOf("\ufffd"); at !== -1; at = text.indexOf("\ufffd", at + 1)) bad++;
  return bad;
}

const ESCAPE = 0x1b;
/**
 * `ESC $ B`, `ESC $ @`, `ESC ( J`, `ESC ( I`: Japanese. `ESC ( B` alone is what terminals send at the end of a colour.
 */
const ISO_2022_JP = /\x1b(?:\$[@B]|\([IJ])/;
/** Korean: announced once, then between SO and SI. */
const ISO_2022_KR = /\x1b\$\)C/;

/** Mail of the nineties, and exports of mainframes: seven bits, escape sequences between the character sets. */
function decodeIso2022(bytes: Buffer): string | null {
  const first = bytes.indexOf(ESCAPE);
  if (first === -1) return null;
  const head = bytes.subarray(first, first + SAMPLE_BYTES).toString("latin1");
  if (ISO_2022_JP.test(head)) return decodeDeclared("iso-2022-jp", bytes);
  return ISO_2022_KR.test(head) ? decodeDeclared("euc-kr", shiftedOut(bytes)) : null;
}

/** What stands between SO and SI is EUC-KR without its high bits. */
function shiftedOut(bytes: Buffer): Buffer {
  const [shiftOut, shiftIn] = [0x0e, 0x0f];
  const plain = Buffer.alloc(bytes.length);
  let length = 0;
  let high = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === shiftOut || byte === shiftIn) high = byte === shiftOut ? 0x80 : 0;
    else if (byte === ESCAPE && bytes.subarray(at, at + 4).toString("latin1") === "\x1b$)C") at += 3;
    else plain[length++] = byte > 0x20 ? byte | high : byte;
  }
  return plain.subarray(0, length);
}

/**
 * UTF-8 in which some bytes are wrong: a log with one line of something else, or a file that was cut within a
 * character. It has at least four whole characters beyond ASCII for each bad one; a text of another encoding has hardly
 * any by chance.
 */
function isNearlyUtf8(bytes: Buffer): boolean {
  const decoder = new TextDecoder("utf-8");
  let whole = 0;
  let bad = 0;
  for (let at = 0; at < bytes.length; at += SAMPLE_BYTES) {
    // As a stream: what is cut off at the end is no bad byte.
    const text = decoder.decode(bytes.subarray(at, at + SAMPLE_BYTES), { stream: true });
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit === 0xfffd) bad += 1;
      else if (unit >= 0x80) whole += 1;
    }
    // Of another encoding: what is left, of two bytes a character, cannot make up for it.
    if (whole + (bytes.length - at) / 2 < bad * WHOLE_FOR_BAD) return false;
  }
  return whole > 0 && whole >= bad * WHOLE_FOR_BAD;
}

const WHOLE_FOR_BAD = 4;

/**
 * UTF-16 or UTF-32 without a mark: zeros stand in one column only, the high byte of ASCII; or the text has no ASCII to
 * speak of, and reads as a language in one of the two orders.
 */
async function decodeWide(bytes: Buffer): Promise<string | null> {
  const sample = bytes.subarray(0, SAMPLE_BYTES - (SAMPLE_BYTES % 4));
  const zeros: [number, number, number, number] = [0, 0, 0, 0];
  for (let index = 0; index < sample.length; index++) {
    if (sample[index] === 0) zeros[column(index)]++;
  }
  const [a, b, c, d] = zeros;
  const quarter = sample.length / 4;
  if (quarter >= 2 && bytes.length % 4 === 0 && a === 0 && c > quarter / 2 && d >= quarter - 1)
    return decodeUtf32(bytes, "little");
  if (quarter >= 2 && bytes.length % 4 === 0 && d === 0 && b > quarter / 2 && a >= quarter - 1)
    return decodeUtf32(bytes, "big");
  const even = bytes.subarray(0, bytes.length - (bytes.length % 2));
  const enough = sample.length * ZERO_SHARE;
  if (a + c === 0 && b + d >= enough && b + d > 0) return plausible(decodeStrict("utf-16le", even));
  if (b + d === 0 && a + c >= enough && a + c > 0) return plausible(decodeStrict("utf-16be", even));
  if (!hasManyControls(bytes)) return null;
  const { guessWide } = await import("./guess-encoding.ts");
  const encoding = guessWide(even);
  return encoding === null ? null : plausible(decodeStrict(encoding, even));
}

/** Of the bytes: spaces and digits between words of any script are enough. */
const ZERO_SHARE = 1 / 32;

function column(index: number): 0 | 1 | 2 | 3 {
  const rest = index % 4;
  return rest === 0 ? 0 : rest === 1 ? 1 : rest === 2 ? 2 : 3;
}

/** Binary data with zeros in one column decodes as UTF-16 too, into controls and unassigned characters. */
function plausible(text: string | null): string | null {
  if (text === null) return null;
  const sample = text.slice(0, SAMPLE_BYTES / 2);
  const strange = sample.match(/[\p{Cn}\p{Co}\u0000-\u0008\u000e-\u001f\u007f-\u009f]/gu)?.length ?? 0;
  return strange > sample.length * CONTROL_RATIO ? null : text;
}

async function decodeGuessed(bytes: Buffer): Promise<string> {
  // Loaded when needed: nearly every file is UTF-8.
  const { guessEncoding } = await import("./guess-encoding.ts");
  return new TextDecoder(guessEncoding(bytes)).decode(bytes);
}

/** TextDecoder has every encoding of the web; UTF-32 is none. */
function decodeUtf32(bytes: Buffer, order: "little" | "big"): string | null {
  const parts: string[] = [];
  let units: number[] = [];
  for (let at = 0; at + 4 <= bytes.length && at < LIMITS.extractedChars * 4; at += 4) {
    const point = order === "little" ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    if (point > 0x10ffff) return null;
    units.push(point);
    if (units.length === 4096) {
      parts.push(String.fromCodePoint(...units));
      units = [];
    }
  }
  parts.push(String.fromCodePoint(...units));
  return parts.join("").toWellFormed();
}

/** ESC is not counted: ISO-2022-JP is made of it; nor are tabs, backspaces and line ends. */
function isControl(code: number): boolean {
  return code < 0x20 && !(code >= 0x08 && code <= 0x0d) && code !== ESCAPE;
}

const CONTROLS: readonly number[] = Array.from({ length: 0x20 }, (_, code) => code).filter(isControl);

/** A native search for each: to go through a long sample byte by byte was a sixth of a mail's time. */
function hasManyControls(bytes: Buffer): boolean {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const most = sample.length * CONTROL_RATIO;
  let found = 0;
  if (sample.length <= SHORT_BYTES) {
    for (let at = 0; at < sample.length; at++) if (isControl(sample[at] ?? 0)) found += 1;
    return found > most;
  }
  for (const code of CONTROLS)
    for (let at = sample.indexOf(code); at !== -1 && found <= most; at = sample.indexOf(code, at + 1)) found += 1;
  return found > most;
}

/** Up to here the searches take longer. */
const SHORT_BYTES = 2048;

function startsWith(bytes: Buffer, prefix: readonly number[]): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, index) => bytes[index] === byte);
}
