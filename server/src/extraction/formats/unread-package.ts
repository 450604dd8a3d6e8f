/** ZIPs that are documents of other programs, by a part that each has: to unpack them helps nobody. */
const KINDS: readonly (readonly [part: RegExp, say: string])[] = [
  [
    /^(?:Index\/(?:Document|Presentation|Tables)\b.*\.iwa|Index\.zip|index\.apxl|index\.numbers)$/,
    "It is a Keynote, Pages or Numbers document: export it as PDF, or as PPTX, DOCX or XLSX.",
  ],
  [/^xl\/workbook\.bin$/, "It is a binary Excel workbook (XLSB): save it as XLSX."],
  [/^visio\/document\.xml$/, "It is a Visio drawing: export it as PDF."],
  [/\.fdseq$/, "It is an XPS document: print it as PDF."],
  [/^(?:AndroidManifest\.xml|META-INF\/MANIFEST\.MF)$/, "It is a program and no document."],
];

/** What a ZIP is that is not read, and what to do with it. */
export function unreadPackage(names: Iterable<string>, mimetype: string): string {
  if (mimetype.startsWith("application/vnd.oasis.opendocument."))
    return "It is an OpenDocument drawing, chart or formula: export it as PDF.";
  for (const name of names) {
    const kind = KINDS.find(([part]) => part.test(name));
    if (kind !== undefined) return kind[1];
  }
  return "It is a ZIP archive: unpack it and upload the documents.";
}
