import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../limits.ts";
import { docxFile, officeFile, openDocumentFile, paragraph } from "./fixtures/office-files.ts";
import { pdfFile } from "./fixtures/pdf-file.ts";
import { read } from "./fixtures/read.ts";
import { zipFile } from "./fixtures/zip-file.ts";

const MIB = 1024 * 1024;
const CONTENT_TYPES = { name: "[Content_Types].xml", data: "<Types/>" };

function times(count: number, piece: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => piece(index)).join("");
}

function deck(slides: number, slideXml: string): Buffer {
  const list = times(slides, (index) => `<p:sldId id="${index}" r:id="r1"/>`);
  return officeFile(
    "pptx",
    `<p:sldIdLst>${list}</p:sldIdLst>`,
    [["slide", "slides/s.xml"]],
    [{ name: "ppt/slides/s.xml", data: slideXml }],
  );
}

function workbook(cells: number, shared: string): Buffer {
  const row = `<row>${times(cells, () => '<c t="s"><v>0</v></c>')}</row>`;
  return officeFile(
    "xlsx",
    '<workbook><sheet name="S" r:id="r1"/></workbook>',
    [
      ["worksheet", "s.xml"],
      ["sharedStrings", "t.xml"],
    ],
    [
      { name: "xl/s.xml", data: row },
      { name: "xl/t.xml", data: `<si><t>${shared}</t></si>` },
    ],
  );
}

function nestedMail(depth: number): string {
  return `From: a@b.example\nTo: b@c.example\nSubject: x\n${times(depth, (i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`)}\n\ndeep`;
}

const NOTE = `<w:footnotes><w:footnote w:id="1">${paragraph("x".repeat(MIB))}</w:footnote></w:footnotes>`;
const NOTE_REFERENCE = '<w:p><w:r><w:footnoteReference w:id="1"/></w:r></w:p>';

interface Case {
  readonly name: string;
  readonly bytes: () => Buffer | string;
  readonly declaredType?: string;
  readonly gives: string;
  readonly says?: RegExp;
}

/** Each limit of limits.ts that a document can meet, just past it or by a trick that claims much with few bytes. */
const past: readonly Case[] = [
  {
    name: "more text than is read",
    bytes: () => "word ".repeat(LIMITS.extractedChars / 5 + 1),
    gives: "too_complex",
    says: /characters of text/,
  },
  {
    name: "more pages than are read",
    bytes: () => pdfFile({ pages: Array(LIMITS.extractedPages + 1).fill("") }),
    gives: "too_complex",
    says: /50000 pages/,
  },
  {
    name: "more slides than are read",
    bytes: () => deck(LIMITS.extractedPages + 1, "<p:sld/>"),
    gives: "too_complex",
    says: /50000 pages/,
  },
  {
    name: "more parts than are read",
    bytes: () =>
      zipFile([CONTENT_TYPES, ...Array.from({ length: LIMITS.zipEntries }, (_, i) => ({ name: `${i}`, data: "" }))]),
    gives: "too_complex",
    says: /20000 parts/,
  },
  {
    name: "a part that unpacks to more than is read",
    bytes: () => docxFile(" ".repeat(LIMITS.zipEntryBytes)),
    gives: "too_complex",
    says: /word\/document\.xml unpacks/,
  },
  {
    name: "one part named again and again",
    bytes: () => deck(300, `<!--${"x".repeat(MIB)}-->`),
    gives: "too_complex",
    says: /page \d+: one of its parts unpacks/,
  },
  {
    name: "a part larger than it claims",
    bytes: () => zipFile([CONTENT_TYPES, { name: "mimetype", data: "x".repeat(9999), claimedSize: 10 }]),
    gives: "corrupt_file",
    says: /mimetype is damaged/,
  },
  {
    name: "a part that claims more than is read",
    bytes: () => zipFile([{ name: "mimetype", data: "x", claimedSize: LIMITS.zipEntryBytes + 1 }]),
    gives: "too_complex",
  },
  {
    name: "XML nested too deep",
    bytes: () => docxFile("<x>".repeat(LIMITS.xmlDepth)),
    gives: "too_complex",
    says: /2000 elements/,
  },
  {
    name: "RTF nested too deep",
    bytes: () => `{\\rtf1 ${"{".repeat(LIMITS.xmlDepth)}`,
    gives: "too_complex",
    says: /2000 groups/,
  },
  {
    name: "mail nested too deep",
    bytes: () => nestedMail(LIMITS.mimeDepth + 2),
    declaredType: "message/rfc822",
    gives: "too_complex",
    says: /nesting depth/,
  },
  {
    name: "mail with too long a header",
    bytes: () => `From: a@b.example\nSubject: ${"x".repeat(LIMITS.mimeHeaderBytes)}\n\nhi`,
    declaredType: "message/rfc822",
    gives: "too_complex",
    says: /header size/,
  },
  {
    name: "mail of more lines than are read",
    bytes: () => `From: a@b.example\n\n${"\n".repeat(LIMITS.mimeLines)}`,
    declaredType: "message/rfc822",
    gives: "too_complex",
    says: /1000000 lines/,
  },
  {
    name: "a long string named by many cells",
    bytes: () => workbook(40, "x".repeat(MIB)),
    gives: "too_complex",
    says: /characters of text/,
  },
  {
    name: "a long note referred to many times",
    bytes: () => docxFile(NOTE_REFERENCE.repeat(40), [["footnotes", "n.xml"]], [{ name: "word/n.xml", data: NOTE }]),
    gives: "too_complex",
    says: /characters of text/,
  },
  {
    name: "a part that is encrypted",
    bytes: () => zipFile([{ name: "word/document.xml", data: "x", encrypted: true }]),
    gives: "encrypted_file",
  },
  {
    name: "a part whose name leaves the archive",
    bytes: () => zipFile([{ name: "../../etc/passwd", data: "x" }]),
    gives: "corrupt_file",
  },
];

for (const { name, bytes, declaredType = "", gives, says = / / } of past) {
  test(`${name}: ${gives}, and says where`, async () => {
    const { fault, message } = await read(bytes(), { declaredType });
    assert.equal(fault, gives, message);
    assert.match(message, says);
  });
}

const LAUGHS = `<!DOCTYPE x [<!ENTITY a "ha">${times(20, (i) => `<!ENTITY a${i + 1} "&a${i === 0 ? "" : i};&a${i === 0 ? "" : i};">`)}]>`;
const EXTERNAL = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY h SYSTEM "http://127.0.0.1:1/x">]>';

for (const [name, doctype] of [
  ["entities that multiply", LAUGHS],
  ["entities that name files and addresses", EXTERNAL],
] as const) {
  test(`${name} are left as they stand`, async () => {
    const body = `${doctype}<w:document>${paragraph("before &a20;&f;&h; after")}</w:document>`;
    const { pages, message } = await read(officeFile("docx", body));
    assert.deepEqual(
      pages.map((page) => page.text),
      ["before &a20;&f;&h; after"],
      message,
    );
  });
}

test("a sheet that claims a million rows of sixteen thousand cells costs what it holds", async () => {
  const cell = '<table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>';
  const rows = `<table:table-row table:number-rows-repeated="1048576">${cell}</table:table-row>`;
  const { pages } = await read(openDocumentFile("spreadsheet", `<table:table table:name="T">${rows}</table:table>`));
  assert.deepEqual(pages, [{ label: "T", text: "x" }]);
});

test("a PDF of 2 000 pages that all say something is read whole", async () => {
  const { pages } = await read(pdfFile({ pages: Array.from({ length: 2000 }, (_, index) => `page ${index}`) }));
  assert.equal(pages.length, 2000);
  assert.equal(pages[1999]?.text, "page 1999");
});

test("a scan says that it is one", async () => {
  const { fault, message } = await read(pdfFile({ pages: [null, null] }));
  assert.equal(fault, "empty_text");
  assert.match(message, /2 pages hold images and no text: it is a scan/);
});
