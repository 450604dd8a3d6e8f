import { checkPages } from "../fixtures/check-pages.ts";
import { docxFile, paragraph } from "../fixtures/office-files.ts";
import { zipFile } from "../fixtures/zip-file.ts";

const DOCUMENT = docxFile(paragraph("text"));
const INNER = docxFile(paragraph("inner"));

/** The record at the end with a comment that is said to have so many bytes. */
function withComment(claimedBytes: number, comment: string): Buffer {
  const bytes = Buffer.concat([DOCUMENT, Buffer.from(comment, "latin1")]);
  bytes.writeUInt16LE(claimedBytes, DOCUMENT.length - 2);
  return bytes;
}

checkPages([
  { name: "a ZIP with a comment is read", bytes: withComment(5, "hello"), gives: ["text"] },
  { name: "a ZIP with bytes behind its end is read", bytes: withComment(0, "\r\n"), gives: ["text"] },
  { name: "a ZIP with much behind its end is read", bytes: withComment(0, "x".repeat(100_000)), gives: ["text"] },
  { name: "a ZIP whose comment is cut off is read", bytes: withComment(500, "hel"), gives: ["text"] },
  {
    name: "the mark of an end within a comment is none",
    bytes: withComment(9, "PK\u0005\u0006hello"),
    gives: ["text"],
  },
  {
    name: "a cut-off ZIP is damaged, and the end of one within it is not taken for its own",
    bytes: Buffer.concat([DOCUMENT.subarray(0, 200), INNER]),
    gives: "corrupt_file",
  },
  {
    name: "names of parts are equal whatever their case, and the same name in the same case comes first",
    bytes: zipFile([
      {
        name: "[content_types].xml",
        data: '<Types><Override ContentType="application/ms-word.document.main+xml"/></Types>',
      },
      { name: "WORD/Document.xml", data: paragraph("other") },
      { name: "word/document.XML", data: paragraph("another") },
    ]),
    gives: ["other"],
  },
]);
