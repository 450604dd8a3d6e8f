/** One document of a manifest: tab-separated, the first line names the columns. */
export interface ManifestRow {
  readonly file: string;
  readonly contentType: string;
  /** As the manifest writes it, such as `ok`, `error:damaged|ok`, `ok-with-ocr|no_text`. */
  readonly expected: string;
  readonly phrases: readonly ManifestPhrase[];
}

export interface ManifestPhrase {
  /** Page, slide, sheet or chapter, from 1. */
  readonly unit: number;
  readonly text: string;
}

/** Throws when a column is missing. */
export function parseManifest(tsv: string): readonly ManifestRow[] {
  const [header = "", ...lines] = tsv.split(/\r?\n/).filter((line) => line.trim() !== "");
  const columns = header.split("\t").map((name) => name.replace(/\(.*/, ""));
  const column = (name: string) => {
    const index = columns.indexOf(name);
    if (index < 0) throw new Error(`the manifest has no column ${name}`);
    return index;
  };
  const [file, type, expected, phrases] = ["file", "content_type_declared", "expected", "key_phrases"].map(column);
  return lines.map((line) => {
    const cells = line.split("\t");
    const cell = (index: number | undefined) => cells[index ?? -1] ?? "";
    return {
      file: cell(file),
      contentType: cell(type),
      expected: cell(expected),
      phrases: cell(phrases).split(" ; ").flatMap(parsePhrase),
    };
  });
}

function parsePhrase(text: string): readonly ManifestPhrase[] {
  const match = /^\s*(\d+):(.*)$/.exec(text);
  return match === null ? [] : [{ unit: Number(match[1]), text: (match[2] ?? "").trim() }];
}

/**
 * The manifest's word for an outcome → what the wire says; `indexed`, or codes of `file.error.code`. null =
 * any failure.
 */
const OUTCOMES: Readonly<Record<string, readonly string[] | null>> = {
  ok: ["indexed"],
  "ok-with-ocr": ["indexed"],
  error: null,
  "error:encrypted": ["encrypted_file"],
  "error:damaged": ["corrupt_file"],
  "error:unsupported": ["unsupported_file_type"],
  "error:limit": ["too_complex", "extraction_memory", "extraction_timeout"],
  "error:type_mismatch": ["type_mismatch"],
  no_text: ["empty_text"],
};

/** Whether an outcome is one that the manifest allows. `outcome` is `indexed` or the error's code. */
export function isExpected(expected: string, outcome: string): boolean {
  return expected.split("|").some((part) => {
    const word = part.trim().replace(/^ok as .*/, "ok");
    const prefixed = OUTCOMES[word] === undefined ? `error:${word}` : word;
    const allowed = OUTCOMES[prefixed];
    if (allowed === undefined) throw new Error(`the manifest expects "${part}", which means nothing here`);
    return allowed === null ? outcome !== "indexed" : allowed.includes(outcome);
  });
}

/**
 * Texts as equal as a reader takes them: manifests are typed, or come from another extractor, so blanks, dashes, quotes
 * and ligatures differ without being wrong.
 */
export function readable(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/[\u2010-\u2015\u2212\u00ad]/g, "-")
    .replace(/[\u2018\u2019\u201b\u2032]/g, "'")
    .replace(/[\u201c\u201d\u201f\u2033]/g, '"')
    .replace(/\s+/g, "")
    .toLowerCase();
}
