import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "../fixtures/read.ts";
import { zipFile } from "../fixtures/zip-file.ts";

const cases: readonly (readonly [part: string, says: RegExp])[] = [
  ["Index/Document.iwa", /Keynote, Pages or Numbers .* export it as PDF/],
  ["index.apxl", /Keynote/],
  ["xl/workbook.bin", /XLSB.* save it as XLSX/],
  ["visio/document.xml", /Visio.* export it as PDF/],
  ["FixedDocSeq.fdseq", /XPS.* print it as PDF/],
  ["META-INF/MANIFEST.MF", /a program/],
  ["letter.txt", /ZIP archive: unpack it/],
];

for (const [part, says] of cases)
  test(`a package with ${part} is refused by name, and unpacking is advised only where it helps`, async () => {
    const { fault, message } = await read(zipFile([{ name: part, data: "x" }]));
    assert.equal(fault, "unsupported_file_type");
    assert.match(message, says);
    assert.equal(/unpack/.test(message), part === "letter.txt");
  });

test("nothing but a scan or an image is advised to be read by OCR", async () => {
  const empty = [
    " ",
    "From: a@b.example\nTo: c@d.example\nSubject:\n\n",
    "<html><script>1</script></html>",
    zipFile([
      { name: "mimetype", data: "application/vnd.oasis.opendocument.spreadsheet" },
      { name: "content.xml", data: "<a/>" },
    ]),
  ];
  for (const bytes of empty) {
    const { fault, message } = await read(bytes);
    if (fault !== null) assert.ok(!message.includes("OCR"), message);
  }
  assert.match((await read(Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"))).message, /OCR/);
});
