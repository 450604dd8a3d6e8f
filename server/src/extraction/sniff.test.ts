import assert from "node:assert/strict";
import { test } from "node:test";
import { docxFile, openDocumentFile, paragraph } from "./fixtures/office-files.ts";
import { pdfFile } from "./fixtures/pdf-file.ts";
import { read } from "./fixtures/read.ts";
import { zipFile } from "./fixtures/zip-file.ts";

const pdf = pdfFile({ pages: ["Hello"] });
const docx = docxFile(paragraph("Hello"));
const DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const WORD = "application/msword";
const EXCEL = "application/vnd.ms-excel";
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const NOISE = Buffer.from(Array.from({ length: 4000 }, (_, index) => (index * 7919 + (index >> 3)) % 251));
const OLE = Buffer.concat([
  Buffer.from("d0cf11e0a1b11ae1", "hex"),
  Buffer.alloc(504),
  Buffer.from("WordDocument", "utf16le"),
]);
const ENCRYPTED_OLE = Buffer.concat([OLE, Buffer.from("EncryptedPackage", "utf16le")]);
const MAIL = "From: a@b.example\r\nTo: c@d.example\r\nSubject: Hi\r\n\r\nHello";
const HTML = "<!-- made by hand -->\n<!DOCTYPE html><html><body>Hello</body></html>";

interface Case {
  readonly name: string;
  readonly bytes: Buffer | string;
  readonly declared?: string;
  readonly filename?: string;
  /** A media type, or the code of the fault. */
  readonly is: string;
}

const cases: readonly Case[] = [
  // Known magic wins over any declaration.
  { name: "a PDF without a declaration", bytes: pdf, is: "application/pdf" },
  { name: "a PDF declared as text", bytes: pdf, declared: "text/plain", is: "application/pdf" },
  { name: "a PDF behind binary junk", bytes: Buffer.concat([Buffer.from([0, 1, 2, 255]), pdf]), is: "application/pdf" },
  {
    name: "a PDF behind text, declared",
    bytes: Buffer.concat([Buffer.from("HTTP junk\n"), pdf]),
    declared: "application/pdf",
    is: "application/pdf",
  },
  {
    name: "a PDF behind text, by its extension",
    bytes: Buffer.concat([Buffer.from("junk\n"), pdf]),
    filename: "a.pdf",
    is: "application/pdf",
  },
  { name: "a text that mentions %PDF-", bytes: '{"magic": "%PDF-1.4"}', is: "text/plain" },
  {
    name: "a PDF with a ZIP appended",
    bytes: Buffer.concat([pdf, docx]),
    declared: "application/pdf",
    is: "application/pdf",
  },
  { name: "a DOCX declared as PDF", bytes: docx, declared: "application/pdf", is: DOCX },
  { name: "a DOCX declared as text", bytes: docx, declared: "text/plain", is: DOCX },
  {
    name: "an ODT declared as DOCX",
    bytes: openDocumentFile("text", "<text:p>Hello</text:p>"),
    declared: DOCX,
    is: "application/vnd.oasis.opendocument.text",
  },
  { name: "RTF declared as text", bytes: "{\\rtf1 Hello}", declared: "text/plain", is: "application/rtf" },
  { name: "an image declared as PDF", bytes: PNG, declared: "application/pdf", is: "empty_text" },
  { name: "an image", bytes: PNG, declared: "image/png", is: "empty_text" },
  // Within text the declaration, then the extension, beat the guess.
  { name: "HTML declared as text", bytes: HTML, declared: "text/plain", is: "text/plain" },
  { name: "HTML named .txt", bytes: HTML, filename: "a.txt", is: "text/plain" },
  { name: "HTML behind a comment", bytes: HTML, is: "text/html" },
  {
    name: "HTML behind its XML declaration and comments",
    bytes: `\n<?xml version="1.0"?>\n<!-- a > b -->${"<!---->\n".repeat(20)}<html lang="en">Hello`,
    is: "text/html",
  },
  { name: "comments without end", bytes: "<!---->".repeat(80), is: "text/plain" },
  { name: "a comment that is not closed", bytes: "<!-- <html>", is: "text/plain" },
  { name: "text declared as HTML", bytes: "Hello", declared: "text/html; charset=utf-8", is: "text/html" },
  { name: "text named .md", bytes: "# Hello", filename: "a.MD", is: "text/markdown" },
  { name: "text declared as CSV and named .md", bytes: "a,b", declared: "text/csv", filename: "a.md", is: "text/csv" },
  { name: "broken JSON declared as JSON", bytes: "{oops", declared: "application/json", is: "application/json" },
  { name: "lines of JSON", bytes: '{"a": 1}\n{"a": 2}', filename: "rows.jsonl", is: "application/json" },
  { name: "lines declared so", bytes: '{"a": 1}\n', declared: "application/x-ndjson", is: "application/json" },
  { name: "a mail", bytes: MAIL, is: "message/rfc822" },
  { name: "a text with two headers", bytes: "From: a\nTo: b\n\nHello", is: "text/plain" },
  { name: "an unknown text type", bytes: "Hello", declared: "text/x-rst", is: "text/plain" },
  // These declare nothing.
  { name: "octet-stream and text", bytes: "Hello", declared: "application/octet-stream", is: "text/plain" },
  {
    name: "binary/octet-stream and text named .csv",
    bytes: "a,b",
    declared: "binary/octet-stream",
    filename: "a.csv",
    is: "text/csv",
  },
  { name: "an unknown type and text", bytes: "Hello", declared: "application/x-something", is: "text/plain" },
  { name: "text named .pdf without a declaration", bytes: "Hello", filename: "a.pdf", is: "text/plain" },
  // What browsers send for something else declares nothing.
  { name: "CSV declared as Excel", bytes: "a;b\n1;2", declared: EXCEL, filename: "s.csv", is: "text/csv" },
  { name: "one column of CSV declared as Excel", bytes: "a", declared: EXCEL, filename: "s.csv", is: "text/csv" },
  { name: "cells with tabs named .xls", bytes: "a\tb", declared: EXCEL, filename: "s.xls", is: "text/plain" },
  { name: "a web page declared as Excel", bytes: HTML, declared: EXCEL, filename: "s.xls", is: "text/html" },
  { name: "a table without a page declared as Excel", bytes: "<table><tr><td>1", declared: EXCEL, is: "text/html" },
  { name: "a web page declared as Word", bytes: HTML, declared: WORD, filename: "s.doc", is: "text/html" },
  { name: "RTF declared as Word", bytes: "{\\rtf1 Hello}", declared: WORD, is: "application/rtf" },
  { name: "a graph declared as Word", bytes: "graph { a }", declared: WORD, filename: "g.dot", is: "text/plain" },
  {
    name: "a catalogue of translations declared as PowerPoint",
    bytes: 'msgid ""\nmsgstr ""',
    declared: "application/vnd.ms-powerpoint",
    filename: "de.pot",
    is: "text/plain",
  },
  {
    name: "TypeScript declared as a video",
    bytes: "let a = 1;",
    declared: "video/mp2t",
    filename: "a.ts",
    is: "text/plain",
  },
  { name: "a playlist declared as a sound", bytes: "#EXTM3U", declared: "audio/x-mpegurl", is: "text/plain" },
  {
    name: "SVG declared as an image",
    bytes: "<svg><text>a</text></svg>",
    declared: "image/svg+xml",
    is: "image/svg+xml",
  },
  { name: "RTF behind a mark and an empty line", bytes: "\ufeff\r\n {\\rtf1 Hello}", is: "application/rtf" },
  {
    name: "a mailbox declared as a mail",
    bytes: `From a Mon 10:00 2024\n${MAIL}\n\nFrom b Mon 11:00 2024\n${MAIL}`,
    declared: "message/rfc822",
    is: "application/mbox",
  },
  { name: "a mailbox of one mail", bytes: `From a Mon 10:00 2024\n${MAIL}`, is: "message/rfc822" },
  { name: "a letter that begins with From", bytes: "From here on, at 10:00,\nit rained: much", is: "text/plain" },
  // type_mismatch is exactly these two.
  { name: "text declared as PDF", bytes: "<html>Hello</html>", declared: "application/pdf", is: "type_mismatch" },
  { name: "text declared as DOCX", bytes: "Hello", declared: DOCX, is: "type_mismatch" },
  { name: "text declared as an image", bytes: "Hello", declared: "image/png", is: "type_mismatch" },
  { name: "text declared as Word 97", bytes: "Hello", declared: "application/msword", is: "type_mismatch" },
  { name: "text declared as Excel", bytes: "Hello", declared: EXCEL, is: "type_mismatch" },
  { name: "text declared as a video", bytes: "Hello", declared: "video/mp2t", is: "type_mismatch" },
  { name: "binary declared as text", bytes: NOISE, declared: "text/plain", is: "type_mismatch" },
  { name: "binary declared as Markdown", bytes: NOISE, declared: "text/markdown", is: "type_mismatch" },
  // Not read.
  { name: "unknown binary", bytes: NOISE, is: "unsupported_file_type" },
  { name: "unknown binary declared as PDF", bytes: NOISE, declared: "application/pdf", is: "unsupported_file_type" },
  { name: "unknown binary named .txt", bytes: NOISE, filename: "a.txt", is: "unsupported_file_type" },
  { name: "Word 97", bytes: OLE, declared: "application/msword", is: "unsupported_file_type" },
  { name: "Word 97 declared as text", bytes: OLE, declared: "text/plain", is: "unsupported_file_type" },
  { name: "an encrypted DOCX", bytes: ENCRYPTED_OLE, declared: DOCX, is: "encrypted_file" },
  { name: "a plain ZIP", bytes: zipFile([{ name: "a.txt", data: "Hello" }]), is: "unsupported_file_type" },
  { name: "a ZIP cut off", bytes: docx.subarray(0, docx.length - 30), declared: DOCX, is: "corrupt_file" },
  { name: "no bytes", bytes: "", is: "empty_text" },
  { name: "white space", bytes: " \n\t\u3000", is: "empty_text" },
];

for (const { name, bytes, declared = "", filename = "file", is } of cases) {
  test(`sniffing: ${name} is ${is}`, async () => {
    const result = await read(bytes, { declaredType: declared, filename });
    assert.equal(result.fault ?? result.detected, is, result.message);
  });
}
