import type { Random } from "../support/random.ts";

/**
 * Seeded damage to a document: bytes flipped, overwritten, cut, inserted, repeated, moved, spliced with another
 * document, numbers blown up, marks of the formats set in where they do not belong. Pure: the same random numbers give
 * the same file.
 */
export interface Mutated {
  readonly bytes: Buffer;
  /** Names of the mutations, in order. */
  readonly steps: readonly string[];
}

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/**
 * No mutation makes a document longer than this: size is the upload limit's business, and a run should see many files.
 */
export const MUTATED_MAX_BYTES = 1024 * 1024;
const MAX_STEPS = 4;

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip: (bytes, random) => {
    const copy = Buffer.from(bytes);
    for (let left = random.integer(1, 32); left > 0; left--) {
      const at = random.integer(0, copy.length - 1);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(0, 7));
    }
    return copy;
  },
  overwrite: (bytes, random) => {
    const { start, end } = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), random.bytes(end - start), bytes.subarray(end)]);
  },
  fill: (bytes, random) => {
    const { start, end } = span(bytes, random);
    return Buffer.from(bytes).fill(pick([0x00, 0xff, 0x20, 0x0a, 0x3c], random), start, end);
  },
  cutEnd: (bytes, random) => bytes.subarray(0, random.integer(0, bytes.length)),
  cutOut: (bytes, random) => {
    const { start, end } = span(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  insert: (bytes, random) => insertAt(bytes, random, random.bytes(random.integer(1, 256))),
  repeat: (bytes, random) => {
    const { start, end } = span(bytes, random);
    const most = Math.max(1, Math.floor(MUTATED_MAX_BYTES / 2 / Math.max(1, end - start)));
    const times = random.integer(2, Math.min(most, pick([4, 100, 20_000], random)) + 1);
    const blocks = Array<Buffer>(times).fill(bytes.subarray(start, end));
    return Buffer.concat([bytes.subarray(0, start), ...blocks, bytes.subarray(end)]);
  },
  move: (bytes, random) => {
    const { start, end } = span(bytes, random);
    const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    return insertAt(rest, random, bytes.subarray(start, end));
  },
  splice: (bytes, random, other) => {
    const { start, end } = span(other, random);
    return insertAt(bytes, random, other.subarray(start, end));
  },
  crossOver: (bytes, random, other) =>
    Buffer.concat([
      bytes.subarray(0, random.integer(0, bytes.length)),
      other.subarray(random.integer(0, other.length)),
    ]),
  number: (bytes, random) => {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const found = pick(numbers, random);
    const after = text.slice(found.index + found[0].length);
    return Buffer.from(`${text.slice(0, found.index)}${pick(NUMBERS, random)}${after}`, "latin1");
  },
  binaryNumber: (bytes, random) => {
    if (bytes.length < 4) return bytes;
    const copy = Buffer.from(bytes);
    const value = pick([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, copy.length], random);
    copy.writeUInt32LE(value, random.integer(0, copy.length - 4));
    return copy;
  },
  mark: (bytes, random) => insertAt(bytes, random, Buffer.from(pick(MARKS, random), "latin1")),
};

const NUMBERS = [
  "0",
  "-1",
  "1e308",
  "NaN",
  "255",
  "65536",
  "2147483648",
  "4294967295",
  "9007199254740993",
  "9".repeat(40),
];

/** What means something in one of the formats. */
const MARKS = [
  "<", "</", "/>", "&", "&#x110000;", "&#0;", "<!--", "]]>", "<![CDATA[", "<!DOCTYPE x [<!ENTITY a '&a;'>]>", "<?xml encoding='utf-16'?>",
  "<w:p>", "</w:p>", "<w:tbl><w:tr><w:tc>", "<table>", "<pre>", "<script>", "<svg>", "<template>", "<plaintext>",
  "{", "}", "\\bin2147483647 ", "\\uc999999 ", "\\u-70000?", "\\'", "\\fonttbl", "\\page ",
  "--X\r\n", "--X--", "Content-Type: multipart/mixed; boundary=X\r\n\r\n", "Content-Transfer-Encoding: base64\r\n", "=?utf-8?b?",
  "obj", "endobj", "stream\n", "endstream", "<<", ">>", "[", "]", "1 0 R", "2 0 R", "/Kids [2 0 R]", "/Filter /FlateDecode", "%PDF-", "xref", "startxref",
  "PK\u0003\u0004", "PK\u0001\u0002", "PK\u0005\u0006", "\u0000", "\u00ef\u00bb\u00bf", "\u00ff\u00fe", "\u00fe\u00ff", "\u00ed\u00a0\u0080", "\u00f4\u0090\u0080\u0080", "\f", "\u001b$B",
] as const; // biome-ignore format: a list of tokens

/** One to four mutations, one after another. `others` are what splices are taken from. */
export function mutate(bytes: Buffer, random: Random, others: readonly Buffer[]): Mutated {
  const steps: string[] = [];
  let mutated = bytes;
  for (let left = random.integer(1, MAX_STEPS); left > 0; left--) {
    const [name, mutation] = pick(Object.entries(MUTATIONS), random);
    if (mutated.length === 0) break;
    mutated = mutation(mutated, random, pick(others, random)).subarray(0, MUTATED_MAX_BYTES);
    steps.push(name);
  }
  return { bytes: mutated, steps };
}

export function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random.integer(0, items.length - 1)];
  if (item === undefined) throw new Error("there is nothing to pick from");
  return item;
}

function insertAt(bytes: Buffer, random: Random, piece: Uint8Array): Buffer {
  const at = random.integer(0, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

/** Short ones mostly: a long one leaves little of the document for its reader to stumble over. */
function span(bytes: Buffer, random: Random): { readonly start: number; readonly end: number } {
  const start = random.integer(0, bytes.length);
  const length = random.integer(0, pick([8, 64, 512, bytes.length], random));
  return { start, end: Math.min(bytes.length, start + length) };
}
