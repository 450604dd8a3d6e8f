import type { FaultFinding } from "../findings.ts";

type Unread = FaultFinding<"unsupported_file_type">;

/** ZIPs that are documents of other programs, by a part that each has: to unpack them helps nobody. */
const KINDS: readonly (readonly [part: RegExp, found: Unread])[] = [
  [/^(?:Index\/(?:Document|Presentation|Tables)\b.*\.iwa|Index\.zip|index\.apxl|index\.numbers)$/, "iwork"],
  [/^xl\/workbook\.bin$/, "xlsb"],
  [/^visio\/document\.xml$/, "visio"],
  [/\.fdseq$/, "xps"],
  [/^(?:AndroidManifest\.xml|META-INF\/MANIFEST\.MF)$/, "program"],
];

/** What a ZIP is that is not read, and what to do with it. */
export function unreadPackage(names: Iterable<string>, mimetype: string): Unread {
  if (mimetype.startsWith("application/vnd.oasis.opendocument.")) return "open_document_drawing";
  for (const name of names) {
    const kind = KINDS.find(([part]) => part.test(name));
    if (kind !== undefined) return kind[1];
  }
  return "zip_archive";
}
