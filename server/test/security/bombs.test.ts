import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { docxFile, officeFile, paragraph, relationships } from "../../src/extraction/fixtures/office-files.ts";
import { zipFile } from "../../src/extraction/fixtures/zip-file.ts";
import { FILES } from "../support/api.ts";
import { at, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * Documents that ask their reader for files, addresses, memory or time, sent as anybody would send them. Those that
 * stand just past a limit are in extraction/limits.test.ts, those that take the longest in faults/hostile-files.ts.
 */

const { api } = await openTarget();

interface Bomb {
  readonly name: string;
  readonly bytes: () => Buffer | string;
  readonly contentType?: string;
  /**
   * Words that its text has to have. Without any, it may also fail, with a code that says something about the document.
   */
  readonly reads?: string;
}

const MIB = 1024 * 1024;
const PASSWD = "file:///etc/passwd";
const OUTSIDE = "/tmp/wharf-slip.txt";
const BODY = `<w:document><w:body>${paragraph("harmless words")}</w:body></w:document>`;

const BOMBS: readonly Bomb[] = [
  {
    name: "an entity that names a parameter file",
    bytes: () => officeFile("docx", `<!DOCTYPE w [<!ENTITY % e SYSTEM "${PASSWD}"> %e;]>${BODY}`),
    reads: "harmless",
  },
  {
    name: "an entity that names an address of this machine",
    bytes: () =>
      officeFile(
        "docx",
        `<!DOCTYPE w [<!ENTITY e SYSTEM "http://127.0.0.1:1/">]>${BODY.replace("harmless", "harmless &e;")}`,
      ),
    reads: "harmless",
  },
  { name: "a main part outside of the archive", bytes: () => withMainPart("../../../etc/passwd") },
  { name: "a main part that is a file of this machine", bytes: () => withMainPart(PASSWD) },
  {
    name: "parts whose names lead outside",
    bytes: () =>
      docxFile(
        paragraph("harmless words"),
        [],
        [
          { name: `../../../..${OUTSIDE}`, data: "x" },
          { name: OUTSIDE, data: "x" },
          { name: "C:\\x", data: "x" },
        ],
      ),
  },
  {
    name: "forty parts of ten megabytes",
    bytes: () =>
      docxFile(
        paragraph("harmless words"),
        [],
        Array.from({ length: 40 }, (_, index) => ({ name: `word/x${index}.xml`, data: Buffer.alloc(10 * MIB, "a") })),
      ),
  },
  {
    name: "an attribute of twenty megabytes",
    bytes: () => docxFile(`<w:p w:x="${"a".repeat(20 * MIB)}"><w:r><w:t>harmless words</w:t></w:r></w:p>`),
  },
  {
    name: "a page with scripts, frames and handlers",
    contentType: "text/html",
    bytes: () =>
      `<html><head><title>t</title><script>var hiddenscript=1</script><style>.hiddenstyle{}</style></head>` +
      `<body onload=alert(1)>harmless words <iframe src=${PASSWD}></iframe><img src=x onerror=alert(1)></body></html>`,
    reads: "harmless",
  },
  { name: "RTF with two gigabytes of binary to come", bytes: () => "{\\rtf1 harmless \\bin2147483647 x}" },
  {
    name: "a mail header of two million encoded words",
    contentType: "message/rfc822",
    bytes: () => `From: a\nTo: b\nSubject: ${`=?utf-8?B?${"QUFB".repeat(2_000_000)}?=`}\n\nharmless words`,
  },
  {
    name: "a PDF whose pages are their own parent, many times over",
    bytes: () => `%PDF-1.7\n${"1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj ".repeat(100_000)}`,
  },
  {
    name: "a declaration of blanks and open comments",
    contentType: "text/html",
    bytes: () => `<?xml ${" ".repeat(4000)}${"<!--".repeat(2000)}`,
  },
  { name: "twelve million line ends", bytes: () => Buffer.alloc(24 * MIB, "\r\n") },
  { name: "a megabyte of NUL before a text", bytes: () => Buffer.concat([Buffer.alloc(MIB), Buffer.from("harmless")]) },
  {
    name: "three million lone surrogates",
    bytes: () => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.alloc(6 * MIB, Buffer.from([0x00, 0xd8]))]),
  },
  {
    name: "sixteen megabytes of blanks between dots",
    bytes: () => `${". ".repeat(100)}${`\n${" ".repeat(2000)}`.repeat(8000)}x`,
  },
];

/** What a document may be told; `internal` and the clock would say that it has got at the reader. */
const CODES = new Set([
  "unsupported_file_type",
  "type_mismatch",
  "corrupt_file",
  "empty_text",
  "garbled_text",
  "too_complex",
  "extraction_memory",
]);

for (const { name, bytes, contentType = "application/octet-stream", reads } of BOMBS)
  proves(["ALL-5", "POL-1"], `${name}: it is read or refused, and reaches nothing of this machine`, async () => {
    const fileId = await api.upload(Buffer.from(bytes()), { content_type: contentType });
    const file = await api.settled(fileId);
    if (textAt(file, "status") === "indexed") {
      const { text } = await api.get(`${FILES}/${fileId}/text`);
      assert.ok(!/root:|hiddenscript|hiddenstyle/.test(text), text.slice(0, 500));
      assert.ok(reads === undefined || text.includes(reads), text.slice(0, 500));
    } else {
      assert.equal(reads, undefined, shown(at(file, "error")));
      assert.ok(CODES.has(textAt(file, "error", "code")), shown(at(file, "error")));
    }
    assert.ok(!existsSync(OUTSIDE));
    assert.equal((await api.get("/v1/connection")).status, 200);
  });

function withMainPart(target: string): Buffer {
  const type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
  return zipFile([
    {
      name: "[Content_Types].xml",
      data: `<Types><Override PartName="/word/document.xml" ContentType="${type}"/></Types>`,
    },
    { name: "_rels/.rels", data: relationships([["officeDocument", target]]) },
    { name: "word/document.xml", data: BODY },
  ]);
}
