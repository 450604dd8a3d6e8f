import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docxFile, officeFile, openDocumentFile, paragraph } from "../../src/extraction/fixtures/office-files.ts";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import { sampleDocuments } from "../support/documents.ts";

/** On the second page of `harbour/pilotage.pdf`, and nowhere else. */
export const PHRASE = "a vessel of more than forty metres shall embark a licensed pilot";

/**
 * Thirty documents of many kinds in nested folders, as somebody might have them; some of them cannot be read, and say
 * so.
 */
export async function writeMixedFolder(root: string): Promise<{ readonly files: number; readonly unreadable: number }> {
  const readable: [path: string, bytes: Buffer | string][] = [
    [
      "harbour/pilotage.pdf",
      pdfFile({ pages: ["Rules of the harbour", `Article 4: ${PHRASE}.`, "Fees are in the annex"] }),
    ],
    [
      "harbour/<img src=x onerror=alert(1)>.txt",
      "A file whose name is markup, and <img src=x onerror=alert(2)> in it.",
    ],
    [
      "harbour/mail.eml",
      "From: a@example.com\r\nTo: b@example.com\r\nSubject: Berth\r\n\r\nThe berth is free from noon.",
    ],
    ["harbour/notice.rtf", "{\\rtf1\\ansi The lock is closed on Sunday.}"],
    ["harbour/плавание.txt", "Суда длиннее сорока метров берут лоцмана."],
    ["sheets/tides.csv", "hour,level\n06:00,3.1\n12:00,0.9\n"],
    ["sheets/table.ods", openDocumentFile("spreadsheet", SHEET)],
    ["text/essay.odt", openDocumentFile("text", ESSAY)],
    ["text/contract.docx", docxFile(paragraph("The charterer pays the demurrage."))],
  ];
  for (const word of ["spring", "summer"])
    for (const { filename, bytes } of sampleDocuments(word)) readable.push([`${word}/${filename}`, bytes]);
  for (const number of [1, 2, 3])
    readable.push([`notes/note-${number}.md`, `# Note ${number}\n\nBuoy ${number} is lit.`]);
  const unreadable: typeof readable = [
    ["broken/half.docx", docxFile(paragraph("cut")).subarray(0, 200)],
    ["broken/locked.pdf", pdfFile({ pages: ["secret"], encrypted: true })],
    ["broken/scan.pdf", pdfFile({ pages: [null] })],
    ["broken/blank.pptx", officeFile("pptx", "<p:presentation/>")],
  ];
  for (const [path, bytes] of [...readable, ...unreadable]) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), bytes);
  }
  return { files: readable.length + unreadable.length, unreadable: unreadable.length };
}

const SHEET =
  "<office:body><office:spreadsheet><table:table table:name='Tides'><table:table-row><table:table-cell office:value-type='string'><text:p>High water at six</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet></office:body>";
const ESSAY = "<office:body><office:text><text:p>An essay on dredging.</text:p></office:text></office:body>";
