/** A stretch of a passage that can be quoted by itself: UTF-16 code units, end exclusive. */
export interface Sentence {
  readonly start: number;
  readonly end: number;
  /** Where the heading begins that stands right before it: its words count, but are not quoted. null = none. */
  readonly headedFrom: number | null;
}

/** A line of at least so many characters without an end is one that was wrapped. */
const WRAPPED_LINE_CHARS = 45;
/** A shorter line without an end is a heading, and says nothing without what follows it. */
const HEADING_CHARS = 80;
const ENDS = /[.!?…:;。！？؟।"”»)]\s*$/u;

/**
 * The sentences of a passage in order. Lines that a page wrapped are read on; a heading belongs to the sentence after it; the cells of a row
 * stay together.
 */
export function sentencesOf(text: string): readonly Sentence[] {
  const flowing = withoutNotes(unwrap(text));
  const sentences: Sentence[] = [];
  let heading: number | null = null;
  for (const { segment, index } of SEGMENTER.segment(flowing)) {
    const start = index + segment.length - segment.trimStart().length;
    const end = index + segment.trimEnd().length;
    if (end <= start) continue;
    if (isHeading(flowing.slice(start, end), flowing.charCodeAt(index + segment.length - 1))) {
      heading ??= start;
      continue;
    }
    sentences.push({ start, end, headedFrom: heading });
    heading = null;
  }
  // A passage of headings alone is a list.
  if (heading !== null) sentences.push({ start: heading, end: text.trimEnd().length, headedFrom: null });
  return sentences;
}

/**
 * `saltwater.[12] Ducks …`: numbers of notes stand behind the end of a sentence, and would begin the next one. They become blanks, so that
 * every offset stays; within a sentence they are quoted with it.
 */
function withoutNotes(text: string): string {
  return text.replace(/([.!?…。！？"”»)])((?:\[\d{1,3}\]){1,8})/g, (_all, end: string, notes: string) => {
    return end + " ".repeat(notes.length);
  });
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "sentence" });
const NEWLINE = 0x0a;

function isHeading(sentence: string, last: number): boolean {
  return last === NEWLINE && sentence.length <= HEADING_CHARS && !sentence.includes("\t") && !ENDS.test(sentence);
}

/** Of a table in Markdown: rows are sentences of their own. */
function isRow(line: string): boolean {
  const row = line.trim();
  return row.length > 1 && row.startsWith("|") && row.endsWith("|");
}

/** A line end within a sentence becomes a blank, so that every offset stays. */
function unwrap(text: string): string {
  let flowing = "";
  const lines = text.split("\n");
  for (const [number, line] of lines.entries()) {
    const next = lines[number + 1];
    if (next === undefined) return flowing + line;
    const wrapped =
      line.trim() !== "" &&
      next.trim() !== "" &&
      !line.includes("\t") &&
      !isRow(line) &&
      !ENDS.test(line) &&
      (line.length >= WRAPPED_LINE_CHARS || /^\s*\p{Ll}/u.test(next));
    flowing += line + (wrapped ? " " : "\n");
  }
  return flowing;
}
