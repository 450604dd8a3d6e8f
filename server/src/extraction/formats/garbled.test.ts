import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPages } from "../fixtures/check-pages.ts";
import { LEGACY_TEXTS } from "../fixtures/legacy-texts.ts";
import { pdfFile } from "../fixtures/pdf-file.ts";
import { read } from "../fixtures/read.ts";
import { languageScore, verdictOf } from "./garbled.ts";

/** What a program makes of UTF-8 that it takes for something else, and saves as UTF-8. */
function mistaken(text: string, encoding: string): string {
  return new TextDecoder(encoding).decode(Buffer.from(text));
}

const german = LEGACY_TEXTS.find(({ language }) => language === "German")?.lines.join("\n") ?? "";
const quotes =
  mistaken("“It’s here,” he said, and didn’t say where. ", "windows-1252") + "Nobody asked him again. ".repeat(60);
/** Glyphs by number, 29 less than ASCII, and no word of which characters they are. */
const NUMBERED =
  "<< /Type /Font /Subtype /TrueType /BaseFont /ABCDEF+Sym /FirstChar 1 /LastChar 127 /FontDescriptor << /Type /FontDescriptor " +
  "/FontName /ABCDEF+Sym /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >> >>";
const SENTENCE =
  "This agreement is made between the parties and remains valid until it is ended in writing by one of them";
const numbered = [...SENTENCE].map((char) => String.fromCharCode(char.charCodeAt(0) - 29)).join("");
/** Every letter is another one: a font whose own table of characters is wrong. */
const exchanged = SENTENCE.replace(/[a-z]/g, (letter) =>
  "qjzxkvbwpygfmcuolhdrtsienA".charAt(letter.charCodeAt(0) - 97),
);

for (const { language, lines } of LEGACY_TEXTS)
  test(`a text is no garbage: ${language}`, () => {
    assert.equal(verdictOf(lines.join("\n")), null);
    assert.ok((languageScore(lines.join(" ").repeat(2), false) ?? 0) > -4.3);
  });

/** One letter in a hundred is not ASCII: the others can be read. */
const FEW_ACCENTS: ReadonlySet<string> = new Set(["Dutch"]);

for (const { language, lines } of LEGACY_TEXTS)
  test(`UTF-8 taken for Windows-1252 is garbage, or its words are where they are few: ${language}`, () => {
    const garbled = FEW_ACCENTS.has(language) ? "spots" : "page";
    assert.equal(verdictOf(mistaken(lines.join("\n"), "windows-1252"))?.garbled, garbled);
  });

test("the message says what happened and what to do", async () => {
  const { fault, message } = await read(mistaken(german, "windows-1252"), { filename: "a.txt" });
  assert.equal(fault, "garbled_text");
  assert.match(message, /UTF-8 that was taken for Windows-1252: save it as UTF-8/);
});

checkPages([
  {
    name: "Cyrillic taken for Windows-1251",
    bytes: mistaken("Привет, как дела? Всё хорошо.", "windows-1251"),
    gives: "garbled_text",
  },
  { name: "a few garbled words are a warning", bytes: quotes, gives: [quotes.trimEnd()], warns: ["garbled_text 1"] },
  {
    name: "one garbled word may be what a text is about",
    bytes: "It shows Ã¼ instead.",
    gives: ["It shows Ã¼ instead."],
  },
  { name: "what was lost before the upload", bytes: "Gr\ufffd\ufffde aus \ufffdsterreich", gives: "garbled_text" },
  {
    name: "a PDF whose font does not say its characters",
    bytes: pdfFile({ pages: [numbered], font: NUMBERED }),
    gives: "garbled_text",
  },
  {
    name: "a PDF that writes other letters than it shows",
    bytes: pdfFile({ pages: [`${exchanged} `.repeat(5)] }),
    gives: "garbled_text",
  },
  {
    name: "a PDF of part numbers is no garbage",
    bytes: pdfFile({ pages: ["XK4-99Q ZZT71 QWRTZ PLMKN ".repeat(30).trim()] }),
    gives: ["XK4-99Q ZZT71 QWRTZ PLMKN ".repeat(30).trim()],
  },
  {
    name: "a page of pictures between others is a warning",
    bytes: pdfFile({ pages: [SENTENCE, null, SENTENCE] }),
    gives: [SENTENCE, "", SENTENCE],
    warns: ["empty_page 2"],
  },
]);
