// Not imported: launch.mjs says why.
const { readFileSync } = process.getBuiltinModule("node:fs");

/**
 * What is known of the languages that legacy texts are written in: how often one letter follows another
 * (tools/train-letter-pairs.ts made the file). It tells which reading of some bytes is a language: 12 kB of text are
 * enough to know all pairs that occur more than once.
 */
export interface Language {
  /**
   * The natural logarithm of how likely `letter` is behind `before`: lower-case UTF-16 code units, BOUNDARY for
   * whatever is no letter.
   */
  logOf(before: number, letter: number): number;
}

/** Stands for everything between two words. */
export const BOUNDARY = 0x5f;

/** Throws for a language that the file does not have: a defect of ours. */
export function languageNamed(name: string): Language {
  loaded ??= load();
  const language = loaded.get(name);
  if (language === undefined) throw new Error(`letter-pairs.txt has no ${name}`);
  return language;
}

let loaded: ReadonlyMap<string, Language> | null = null;

function load(): ReadonlyMap<string, Language> {
  const lines = readFileSync(new URL("./letter-pairs.txt", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  return new Map(
    lines.map((line) => {
      const [name = "", ...groups] = line.split(" ");
      const common = COMMON[name];
      return [name, common === undefined ? new PairLanguage(groups) : new CharacterLanguage(groups, common)];
    }),
  );
}

/**
 * A pair that the text did not have is as likely as its second letter is, times this over how often the first
 * one was seen.
 */
const UNSEEN_PAIRS = 8;
/** A letter that the text did not have: an accent of a loan word, or of a name … */
const RARE_LETTER = 3e-5;
const RARE_ASCII = 2e-4;
/** … or of another script. */
const FOREIGN_LETTER = 3e-7;
/** In the Western code pages; names and loan words with them stand in every language's texts. */
const WESTERN = new Set([..."àâäáãåçéèêëíìîïñóòôöõúùûüœæøß"].map((letter) => letter.charCodeAt(0)));

/** An alphabet: Σ log P(letter | letter before). */
class PairLanguage implements Language {
  readonly #pairs = new Map<number, number>();
  readonly #before = new Map<number, number>();
  readonly #letters = new Map<number, number>();
  #total = 0;
  /**
   * The block of 256 code points that the language's own letters are of; null for Latin, which is spread over several.
   */
  readonly #block: number | null;

  constructor(groups: readonly string[]) {
    const blocks = new Map<number, number>();
    for (const [index, group] of groups.entries()) {
      const count = 2 ** (groups.length - 1 - index);
      for (let at = 0; at + 1 < group.length; at += 2) {
        const [before, letter] = [group.charCodeAt(at), group.charCodeAt(at + 1)];
        this.#pairs.set(pairKey(before, letter), count);
        add(this.#before, before, count);
        add(this.#letters, letter, count);
        this.#total += count;
        if (letter !== BOUNDARY) add(blocks, letter >> 8, count);
      }
    }
    const [block] = [...blocks].sort(([, a], [, b]) => b - a)[0] ?? [0];
    this.#block = block === 0 ? null : block;
  }

  logOf(before: number, letter: number): number {
    const seen = this.#pairs.get(pairKey(before, letter)) ?? 0;
    return Math.log(
      (seen + UNSEEN_PAIRS * this.#likelihood(letter)) / ((this.#before.get(before) ?? 0) + UNSEEN_PAIRS),
    );
  }

  #likelihood(letter: number): number {
    const seen = this.#letters.get(letter);
    if (seen !== undefined) return seen / this.#total;
    if (letter < 0x80) return RARE_ASCII;
    const own = this.#block === null ? WESTERN.has(letter) : letter >> 8 === this.#block;
    return own ? RARE_LETTER : FOREIGN_LETTER;
  }
}

/** How much of a text is characters that the training text had. */
const SEEN_SHARE = 0.6;

/**
 * A script of thousands of characters: each counts by itself, and the standard's first level, its common ones, lends to
 * those not seen.
 */
class CharacterLanguage implements Language {
  readonly #characters = new Map<number, number>();
  readonly #common: () => ReadonlySet<number>;
  readonly #script: RegExp;
  #total = 0;

  constructor(groups: readonly string[], { script, common }: Common) {
    this.#script = script;
    let set: ReadonlySet<number> | null = null;
    this.#common = () => {
      set ??= common();
      return set;
    };
    for (const [index, group] of groups.entries()) {
      const count = 2 ** (groups.length - 1 - index);
      for (let at = 0; at < group.length; at++) {
        this.#characters.set(group.charCodeAt(at), count);
        this.#total += count;
      }
    }
  }

  logOf(_before: number, letter: number): number {
    const seen = (SEEN_SHARE * (this.#characters.get(letter) ?? 0)) / this.#total;
    const common = this.#common();
    if (common.has(letter)) return Math.log(seen + (1 - SEEN_SHARE) / common.size);
    if (letter < 0x80) return Math.log(seen + 1e-3);
    return Math.log(seen + (this.#script.test(String.fromCharCode(letter)) ? 2e-6 : 1e-8));
  }
}

interface Common {
  readonly script: RegExp;
  /** The characters of a national standard's first level, read out of the decoder's table. */
  readonly common: () => ReadonlySet<number>;
}

const COMMON: Readonly<Record<string, Common>> = {
  japanese: {
    script: /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}]/u,
    common: () => new Set([...charactersOf("euc-jp", 0xb0, 0xcf), ...charactersOf("euc-jp", 0xa4, 0xa5), 0x30fc]),
  },
  korean: { script: /\p{sc=Hang}/u, common: () => charactersOf("euc-kr", 0xb0, 0xc8) },
  chinese: { script: /\p{sc=Han}/u, common: () => charactersOf("gbk", 0xb0, 0xd7) },
  taiwanese: { script: /\p{sc=Han}/u, common: () => charactersOf("big5", 0xa4, 0xc6) },
};

function charactersOf(encoding: string, firstLead: number, lastLead: number): ReadonlySet<number> {
  const decoder = new TextDecoder(encoding);
  const characters = new Set<number>();
  for (let lead = firstLead; lead <= lastLead; lead++)
    for (let trail = encoding === "big5" ? 0x40 : 0xa1; trail <= 0xfe; trail++) {
      const character = decoder.decode(Uint8Array.of(lead, trail));
      if (character.length === 1) characters.add(character.charCodeAt(0));
    }
  return characters;
}

export function pairKey(before: number, letter: number): number {
  return before * 0x10000 + letter;
}

function add(counts: Map<number, number>, key: number, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
