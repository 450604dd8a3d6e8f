import { deflateSync } from "node:zlib";
import { docxFile, officeFile, openDocumentFile, paragraph } from "../../src/extraction/fixtures/office-files.ts";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import { zipFile } from "../../src/extraction/fixtures/zip-file.ts";
import { LIMITS } from "../../src/limits.ts";

/**
 * A small file, or one within the upload limit, that asks its reader for far more. Made when it is asked for: some
 * take a second.
 */
export interface HostileFile {
  readonly filename: string;
  readonly bytes: () => Buffer;
}

const MIB = 1024 * 1024;

export const HOSTILE_FILES: readonly HostileFile[] = [
  {
    filename: "flate-bomb.pdf",
    bytes: () => pdfFile({ pages: [""], deflatedContent: deflateSync(Buffer.alloc(256 * MIB, "q ")) }),
  },
  {
    filename: "nested-states.pdf",
    bytes: () => pdfFile({ pages: [""], deflatedContent: deflateSync("q ".repeat(5_000_000)) }),
  },
  { filename: "form-laughs.pdf", bytes: () => formLaughs() },
  {
    filename: "vectors.pdf",
    bytes: () =>
      pdfFile({
        pages: [""],
        deflatedContent: deflateSync(times(400_000, (i) => `${i % 600} ${i % 7} m ${i % 800} 9 l S\n`)),
      }),
  },
  { filename: "50000-pages.pdf", bytes: () => pdfFile({ pages: Array<string>(50_000).fill("page") }) },
  { filename: "zip-bomb.docx", bytes: () => docxFile(" ".repeat(LIMITS.zipEntryBytes)) },
  { filename: "text-bomb.docx", bytes: () => docxFile(paragraph("word ".repeat(19 * MIB))) },
  {
    filename: "laughs.docx",
    bytes: () => officeFile("docx", `${LAUGHS}<w:document>${paragraph("&a20;")}</w:document>`),
  },
  { filename: "deep.docx", bytes: () => docxFile("<w:tbl><w:tr><w:tc>".repeat(2 * MIB)) },
  { filename: "repeated-slides.pptx", bytes: () => deck(200_000) },
  { filename: "strings.xlsx", bytes: () => workbook(1_000_000, "x".repeat(30_000)) },
  { filename: "sparse.ods", bytes: () => sparseSheet() },
  { filename: "repeated-chapters.epub", bytes: () => book(200_000) },
  { filename: "deep.html", bytes: () => Buffer.from(`<html><body>${"<div>".repeat(4 * MIB)}deep`) },
  { filename: "one-node.html", bytes: () => Buffer.from(`<html><body>${"word ".repeat(4.7 * MIB)}`) },
  { filename: "entities.html", bytes: () => Buffer.from(`<html><body>${"&amp;<b>".repeat(2.8 * MIB)}`) },
  { filename: "deep.json", bytes: () => Buffer.from("[".repeat(20 * MIB)) },
  { filename: "huge.json", bytes: () => Buffer.from(`[${'"harbour pilots",'.repeat(1.4 * MIB)}0]`) },
  { filename: "one-line.csv", bytes: () => Buffer.from("a,".repeat(12 * MIB)) },
  { filename: "one-word.txt", bytes: () => Buffer.alloc(24 * MIB, "x") },
  {
    filename: "parts.eml",
    bytes: () => Buffer.from(mail(times(200_000, (i) => `--b\nContent-Type: text/plain\n\npart ${i}\n`))),
  },
  {
    filename: "nested.eml",
    bytes: () =>
      Buffer.from(
        `From: a@b.example\nTo: c@d.example\nSubject: x\n${"Content-Type: message/rfc822\n\n".repeat(20_000)}deep`,
      ),
  },
  { filename: "groups.rtf", bytes: () => Buffer.from(`{\\rtf1 ${"{\\b x}".repeat(3 * MIB)}}`) },
  { filename: "deep.rtf", bytes: () => Buffer.from(`{\\rtf1 ${"{".repeat(20 * MIB)}`) },
];

/** The ones that cost their reader most, for a short run. */
export const WORST_FILES: readonly HostileFile[] = HOSTILE_FILES.filter(({ filename }) =>
  ["flate-bomb.pdf", "form-laughs.pdf", "zip-bomb.docx", "strings.xlsx", "deep.html", "parts.eml"].includes(filename),
);

/** Not known by its bytes alone. */
export function declaredTypeOf(filename: string): string {
  const extension = filename.slice(filename.lastIndexOf("."));
  const types: Readonly<Record<string, string>> = {
    ".eml": "message/rfc822",
    ".html": "text/html",
    ".json": "application/json",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".md": "text/markdown",
  };
  return types[extension] ?? "application/octet-stream";
}

const LAUGHS = `<!DOCTYPE x [<!ENTITY a "ha">${times(20, (i) => `<!ENTITY a${i + 1} "&a${i || ""};&a${i || ""};">`)}]>`;

function times(count: number, piece: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => piece(index)).join("");
}

/** Each form draws the next one ten times: ten to the tenth drawings. */
function formLaughs(): Buffer {
  const forms = Array.from({ length: 10 }, (_, index) =>
    index === 9 ? "BT /F1 12 Tf (ha) Tj ET" : `/F${index + 1} Do `.repeat(10),
  );
  return pdfFile({ pages: [""], deflatedContent: deflateSync("/F0 Do"), forms });
}

function deck(slides: number): Buffer {
  const list = times(slides, (index) => `<p:sldId id="${index}" r:id="r1"/>`);
  const slide = `<p:sld><a:p><a:t>${"again ".repeat(200)}</a:t></a:p></p:sld>`;
  return officeFile(
    "pptx",
    `<p:sldIdLst>${list}</p:sldIdLst>`,
    [["slide", "slides/s.xml"]],
    [{ name: "ppt/slides/s.xml", data: slide }],
  );
}

function workbook(cells: number, shared: string): Buffer {
  return officeFile(
    "xlsx",
    '<workbook><sheet name="S" r:id="r1"/></workbook>',
    [
      ["worksheet", "s.xml"],
      ["sharedStrings", "t.xml"],
    ],
    [
      { name: "xl/s.xml", data: `<row>${'<c t="s"><v>0</v></c>'.repeat(cells)}</row>` },
      { name: "xl/t.xml", data: `<si><t>${shared}</t></si>` },
    ],
  );
}

function sparseSheet(): Buffer {
  const cell = '<table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>';
  const row = `<table:table-row table:number-rows-repeated="1048576">${cell}</table:table-row>`;
  return openDocumentFile("spreadsheet", `<table:table table:name="T">${row.repeat(100_000)}</table:table>`);
}

function book(chapters: number): Buffer {
  const spine = '<itemref idref="a"/>'.repeat(chapters);
  return zipFile([
    { name: "mimetype", data: "application/epub+zip" },
    { name: "META-INF/container.xml", data: '<container><rootfile full-path="b.opf"/></container>' },
    { name: "b.opf", data: `<package><item id="a" href="a.xhtml"/><spine>${spine}</spine></package>` },
    { name: "a.xhtml", data: `<html><body>${"again ".repeat(200)}</body></html>` },
  ]);
}

function mail(parts: string): string {
  return `From: a@b.example\nTo: c@d.example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n${parts}--b--\n`;
}
