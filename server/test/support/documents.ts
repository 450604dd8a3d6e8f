import { docxFile, paragraph } from "../../src/extraction/fixtures/office-files.ts";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import type { Random } from "./random.ts";

/** A small document in each format that is read, with known words on known pages. */
export interface SampleDocument {
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Phrases and the page that each is on. */
  readonly phrases: readonly { readonly page: number; readonly text: string }[];
}

/** `word` makes the documents of one test differ from those of another. */
export function sampleDocuments(word: string): readonly SampleDocument[] {
  const lines = ["harbour pilots board here", "the lighthouse keeper sleeps", "ballast water is exchanged"].map(
    (line, index) => ({ page: index + 1, text: `${line} ${word}` }),
  );
  const onOnePage = lines.map(({ text }) => ({ page: 1, text }));
  const texts = lines.map(({ text }) => text);
  return [
    {
      filename: "three-pages.pdf",
      contentType: "application/pdf",
      bytes: pdfFile({ pages: texts }),
      phrases: lines,
    },
    {
      filename: "letter.docx",
      contentType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      bytes: docxFile(texts.map(paragraph).join("")),
      phrases: onOnePage,
    },
    {
      filename: "page.html",
      contentType: "text/html",
      bytes: Buffer.from(
        `<!doctype html><title>Harbour</title><body>${texts.map((text) => `<p>${text}</p>`).join("")}`,
      ),
      phrases: onOnePage,
    },
    { filename: "notes.txt", contentType: "text/plain", bytes: Buffer.from(texts.join("\n\n")), phrases: onOnePage },
    {
      filename: "notes.md",
      contentType: "text/markdown",
      bytes: Buffer.from(`# ${texts.join("\n\n")}`),
      phrases: onOnePage,
    },
    {
      filename: "table.csv",
      contentType: "text/csv",
      bytes: Buffer.from(`number,line\n${texts.map((text, index) => `${index},${text}`).join("\n")}\n`),
      phrases: onOnePage,
    },
    {
      filename: "record.json",
      contentType: "application/json",
      bytes: Buffer.from(JSON.stringify({ lines: texts })),
      phrases: onOnePage,
    },
  ];
}

/**
 * Words enough to keep an extraction child busy, half a second for each megabyte and more; the marker is at the end.
 */
export function longText(random: Random, bytes: number, marker: string): Buffer {
  const words: string[] = [];
  for (let size = 0; size < bytes; ) {
    const word = `w${random.integer(0, 20_000).toString(36)}`;
    words.push(word);
    size += word.length + 1;
  }
  return Buffer.from(`${words.join(" ")}\n\n${marker}`);
}
