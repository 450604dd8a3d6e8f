import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { createLog } from "../log.ts";
import { titleTokenText, tokenText } from "../search-index/analyze.ts";
import { type ExtractionEvent, ExtractionFault, type Extractor } from "./extractor.ts";
import { docxFile, officeFile, openDocumentFile, paragraph } from "./fixtures/office-files.ts";
import { pdfFile } from "./fixtures/pdf-file.ts";
import { zipFile } from "./fixtures/zip-file.ts";
import { createExtractionPool } from "./pool.ts";
import { TOKEN_CHARS_TOGETHER } from "./protocol.ts";

let pool: Extractor;
before(async () => {
  pool = await createExtractionPool({ places: 1, log: createLog("silent") });
});
after(() => pool.close());

async function extract(content: Buffer | string, filename = "file"): Promise<readonly ExtractionEvent[]> {
  const bytes = Buffer.from(content);
  /** In small pieces, as a store gives them. */
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
  }
  const source = { teamId: "team_a", filename, title: "Réports", declaredType: "", sizeBytes: bytes.length, open };
  const events: ExtractionEvent[] = [];
  for await (const together of pool.extract(source, { signal: new AbortController().signal, lane: "fast" }))
    events.push(...together);
  return events;
}

const documents: readonly (readonly [name: string, bytes: Buffer | string])[] = [
  ["text", "jailed text"],
  ["legacy text", Buffer.from("jailed text, schön", "latin1")],
  ["HTML", "<html><p>jailed text"],
  ["RTF", "{\\rtf1 jailed text}"],
  ["mail", "From: a@b.example\nTo: b@c.example\nSubject: x\n\njailed text"],
  ["PDF", pdfFile({ pages: ["jailed text"] })],
  ["DOCX", docxFile(paragraph("jailed text"))],
  [
    "XLSX",
    officeFile(
      "xlsx",
      '<workbook><sheet name="S" r:id="r1"/></workbook>',
      [["worksheet", "s.xml"]],
      [{ name: "xl/s.xml", data: '<row><c t="inlineStr"><is><t>jailed text</t></is></c></row>' }],
    ),
  ],
  ["ODT", openDocumentFile("text", "<text:p>jailed text</text:p>")],
  [
    "EPUB",
    zipFile([
      { name: "META-INF/container.xml", data: '<container><rootfile full-path="b.opf"/></container>' },
      { name: "b.opf", data: '<package><item id="a" href="a.html"/><itemref idref="a"/></package>' },
      { name: "a.html", data: "<p>jailed text</p>" },
    ]),
  ],
];

for (const [name, bytes] of documents) {
  test(`${name} is read inside the jail`, async () => {
    const events = await extract(bytes);
    const pages = events.flatMap((event) => (event.kind === "page" ? [event.page.text] : []));
    assert.match(pages.join(), /jailed text/);
  });
}

test("events come in order: type with the title's tokens, then each page, its chunks in batches of at most 100 and 64 K of words, and progress", async () => {
  const long = "A sentence about sentences. ".repeat(8000);
  const events = await extract(
    docxFile(`${paragraph("one")}<w:p><w:r><w:br w:type="page"/></w:r></w:p>${paragraph(long)}`),
  );
  assert.deepEqual(events[0], {
    kind: "type",
    detected: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    titleTokens: titleTokenText("file", "Réports"),
  });
  assert.deepEqual(
    events.map((event) => event.kind),
    ["type", "page", "chunks", "progress", "page", "chunks", "chunks", "chunks", "chunks", "progress"],
  );
  const [, page] = events.flatMap((event) => (event.kind === "page" ? [event.page] : []));
  for (const event of events.slice(5)) {
    if (event.kind !== "chunks") continue;
    assert.ok(event.chunks.length <= 100);
    // The last one goes beyond.
    const chars = event.chunks.slice(0, -1).reduce((sum, { tokens }) => sum + tokens.length, 0);
    assert.ok(chars <= TOKEN_CHARS_TOGETHER);
    for (const chunk of event.chunks) {
      assert.equal(chunk.page, 2);
      assert.equal(chunk.text, page?.text.slice(chunk.charStart, chunk.charEnd));
      assert.equal(chunk.tokens, tokenText(chunk.text));
    }
  }
});

test("a long document after one that was unzipped still gets through a full pipe", async () => {
  // stream.pipe() makes stdout non-blocking for good; before this was handled the child died of EAGAIN.
  await extract(docxFile(paragraph("x")));
  const text = "word ".repeat(1_000_000);
  const events = await extract(text, "a.txt");
  const [page] = events.flatMap((event) => (event.kind === "page" ? [event.page] : []));
  assert.equal(page?.text, text.trimEnd());
});

const SENTENCE = "The pilot boards at the outer buoy. ";
const LONG = SENTENCE.repeat(24_000_000 / SENTENCE.length).trimEnd();

const MAIL_LINE = "2024-02-29 a line of a log\n";
const MAIL_BODY = MAIL_LINE.repeat(24_000_000 / MAIL_LINE.length);

const ATTENDEE = "ATTENDEE;CN=Ann:mailto:a@b.example\n";
const ATTENDEES = Math.floor(24_000_000 / ATTENDEE.length);
const INVITATION = "From: a@b.example\nMIME-Version: 1.0\nContent-Type: text/calendar\n\nBEGIN:VEVENT\n";
const ATTENDEES_READ = "Attendee: Ann <a@b.example>\n".repeat(ATTENDEES).trimEnd();

const longTexts: readonly (readonly [name: string, bytes: string, gives: string])[] = [
  ["an HTML text without a tag", `<html><body>${LONG}`, LONG],
  ["an RTF text without a control word", `{\\rtf1 ${LONG}}`, LONG],
  ["a mail of short lines", `From: a@b.example\n\n${MAIL_BODY}`, `From: a@b.example\n\n${MAIL_BODY.trimEnd()}`],
  [
    "a mail that is an appointment of 685 714 people",
    INVITATION + ATTENDEE.repeat(ATTENDEES),
    `From: a@b.example\n\n${ATTENDEES_READ}`,
  ],
  ["a text of short lines with CRLF", "ab\r\n".repeat(6_000_000), "ab\n".repeat(6_000_000).trimEnd()],
];

for (const [name, bytes, gives] of longTexts) {
  test(`${name}, 24 MB long, is read within a child's memory`, async () => {
    const events = await extract(bytes, name.includes("mail") ? "long.eml" : "long");
    const [page] = events.flatMap((event) => (event.kind === "page" ? [event.page] : []));
    assert.ok(page?.text === gives, `${page?.text.length} characters`);
  });
}

test("a PDF that fills the reader's memory is a typed fault, and the next PDF is read by a fresh child", async () => {
  // Five million saved graphics states in 10 kB.
  const bomb = pdfFile({ pages: [""], deflatedContent: deflateSync(Buffer.alloc(10_000_000, "q ")) });
  await assert.rejects(
    extract(bomb),
    (error) => error instanceof ExtractionFault && ["extraction_memory", "too_complex"].includes(error.code),
  );
  assert.equal((await extract(pdfFile({ pages: ["fine"] }))).filter((event) => event.kind === "page").length, 1);
});
