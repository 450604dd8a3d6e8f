/**
 * Fonts whose characters are no letters, though files write them as such: `a` in Symbol is α. Word puts them into
 * Unicode's private area as U+F061. What stands for nothing that Unicode had a sign for when documents began to use it
 * is left out.
 */
export type SymbolFont = (code: number) => string;

/** The table of a font by its name, or null: it is an ordinary one, or one that nobody knows. */
export function symbolFont(name: string): SymbolFont | null {
  const table = FONTS.get(name.trim().toLowerCase());
  return table === undefined ? null : (code) => table.get(code & 0xff) ?? "";
}

/** The same text, with what its font drew instead of characters of the private area. */
export function withSymbols(text: string, font: SymbolFont): string {
  return text.replace(/[\uf020-\uf0ff]/g, (char) => font(char.charCodeAt(0)));
}

/** Adobe's Symbol, from 0x20 and from 0xA0. */
const SYMBOL = table([
  [0x20, " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"],
  [0xa0, "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪"],
  [0xf1, "⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"],
]);

/** Of Wingdings what forms and lists use: boxes, ticks, bullets, arrows, numbers in circles. */
const WINGDINGS = table([
  [0x20, " "],
  [0x28, "☎"],
  [0x2a, "✉"],
  [0x4a, "☺"],
  [0x4c, "☹"],
  [0x6c, "●○■□"],
  [0x71, "❑❒"],
  [0x75, "◆❖"],
  [0x78, "☒"],
  [0x80, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"],
  [0x9e, "·•"],
  [0xa7, "▪☐"],
  [0xd8, "➢"],
  [0xdf, "←→↑↓"],
  [0xe8, "➔"],
  [0xef, "⇦⇨⇧⇩⇔"],
  [0xfb, "✗✓☒☑"],
]);

const WINGDINGS_2 = table([
  [0x20, " "],
  [0x4f, "✗✓☒☑"],
  [0xa3, "☐"],
]);

const FONTS: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map([
  ["symbol", SYMBOL],
  ["wingdings", WINGDINGS],
  ["wingdings 2", WINGDINGS_2],
]);

function table(runs: readonly (readonly [first: number, chars: string])[]): ReadonlyMap<number, string> {
  return new Map(runs.flatMap(([first, chars]) => [...chars].map((char, at) => [first + at, char] as const)));
}
