/** A stretch of a passage that can be quoted by itself: UTF-16 code units, end exclusive. */
export interface Sentence {
  readonly start: number;
  readonly end: number;
  /** Where the headings begin that stand right before it: their words count, but are not quoted. null = none. */
  readonly headedFrom: number | null;
  /** Where the line of the nearest one begins. */
  readonly nearestFrom: number | null;
}

/** A line of at least so many characters without an end is one that was wrapped. */
const WRAPPED_LINE_CHARS = 45;
/** A shorter line without an end is a heading, and says nothing without what follows it. */
const HEADING_CHARS = 80;
/** A line that announces what follows it may be longer. */
const LEAD_IN_CHARS = 200;
const ENDS = /[.!?…:;。！？؟।"”»)]\s*$/u;

/**
 * The sentences of a passage in order. Lines that a page wrapped are read on; a heading, a question and a line that
 * announces what follows belong to the sentence after it; the cells of a row stay together.
 */
export function sentencesOf(text: string): readonly Sentence[] {
  const flowing = withoutNotes(unwrap(text));
  const sentences: Sentence[] = [];
  let heading: number | null = null;
  let nearest: number | null = null;
  let lineEnded = false;
  for (const { start, end, endsLine } of segmentsOf(flowing)) {
    const segment = flowing.slice(start, end);
    if (isDelimiter(segment)) {
      const columns = sentences.at(-1);
      if (columns !== undefined && isRow(flowing.slice(columns.start, columns.end))) {
        sentences.pop();
        heading = columns.headedFrom ?? columns.start;
        nearest = columns.start;
      }
      continue;
    }
    if (isHeading(segment, endsLine)) {
      heading ??= start;
      if (nearest === null || lineEnded) nearest = start;
      lineEnded = endsLine;
      continue;
    }
    sentences.push({ start, end, headedFrom: heading, nearestFrom: nearest });
    heading = null;
    nearest = null;
  }
  // A passage of headings alone is a list, and one of nothing else is quoted as it is.
  const left = heading ?? (sentences.length === 0 ? text.length - text.trimStart().length : null);
  const end = text.trimEnd().length;
  if (left !== null && left < end) sentences.push({ start: left, end, headedFrom: null, nearestFrom: null });
  return sentences;
}

interface Segment {
  readonly start: number;
  readonly end: number;
  readonly endsLine: boolean;
}

/** What the segmenter takes for sentences, with those that it cut behind a number or an abbreviation joined again. */
function segmentsOf(flowing: string): readonly Segment[] {
  const segments: Segment[] = [];
  let begun: number | null = null;
  for (const { segment, index } of SEGMENTER.segment(flowing)) {
    const start: number = begun ?? index + segment.length - segment.trimStart().length;
    const end = index + segment.trimEnd().length;
    if (end <= start) continue;
    const endsLine = flowing.charCodeAt(index + segment.length - 1) === NEWLINE;
    begun = !endsLine && goesOn(flowing, start, end) ? start : null;
    if (begun === null) segments.push({ start, end, endsLine });
  }
  if (begun !== null) segments.push({ start: begun, end: flowing.trimEnd().length, endsLine: true });
  return segments;
}

/** A full stop that ends no sentence: `## 2. Leave`, `3) Sign it`, `Dr. Keller`, `e.g. this`, `am 31. März`. */
function goesOn(flowing: string, start: number, end: number): boolean {
  const last = flowing.slice(Math.max(start, end - LOOK_BACK), end);
  const isMarker = end - start <= LOOK_BACK && /^[\s#>*_•-]*(?:\d{1,3}|\p{L})[.)]$/u.test(last);
  return isMarker || ABBREVIATION.test(last) || (/\b\d{1,2}\.$/.test(last) && MONTH.test(flowing.slice(end, end + 5)));
}

const LOOK_BACK = 16;
const ABBREVIATION =
  /(?:^|[\s(])(?:\p{L}\.\s?){0,3}(?:\p{L}|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|Art|Abs|approx|ca|cf|vs|bzw|Inc|Ltd|Co)\.$/u;
const MONTH = /^\s(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)/;

/**
 * `saltwater.[12] Ducks …`: numbers of notes stand behind the end of a sentence, and would begin the next one. They
 * become blanks, so that every offset stays; within a sentence they are quoted with it.
 */
function withoutNotes(text: string): string {
  return text.replace(/([.!?…。！？"”»)])((?:\[\d{1,3}\]){1,8})/g, (_all, end: string, notes: string) => {
    return end + " ".repeat(notes.length);
  });
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: "sentence" });
const NEWLINE = 0x0a;

/** Also of a list of questions and answers: a question answers nothing, and says what its answer is about. */
function isHeading(sentence: string, endsLine: boolean): boolean {
  if (sentence.includes("\t") || isRow(sentence) || cellsOf(sentence) >= RECORD_CELLS) return false;
  if (/[?？؟]["”»)*_]*$/u.test(sentence) || /^[\s#>*_•-]*(?:Q|Question|Frage)\s?\d{0,3}[:.]/u.test(sentence))
    return true;
  if (!endsLine) return false;
  return sentence.endsWith(":")
    ? sentence.length <= LEAD_IN_CHARS
    : sentence.length <= HEADING_CHARS && !ENDS.test(sentence);
}

/** Under the row that names the columns. */
function isDelimiter(line: string): boolean {
  return isRow(line) && line.includes("-") && /^[\s:|-]+$/.test(line);
}

/** Of a table in Markdown: rows are sentences of their own. */
function isRow(line: string): boolean {
  const row = line.trim();
  return row.length > 1 && row.startsWith("|") && row.endsWith("|");
}

/** Of a table whose cells stand between commas or semicolons: as many as in the line beside it. */
function isRecord(line: string, beside: string | undefined): boolean {
  const cells = cellsOf(line);
  return beside !== undefined && cells >= RECORD_CELLS && cells === cellsOf(beside);
}

/** A line with fewer is prose. */
const RECORD_CELLS = 3;

/** As prose has no blank behind them within a number alone. */
function cellsOf(line: string): number {
  return (line.match(/[,;](?!\s)/g)?.length ?? 0) + 1;
}

/** A line end within a sentence becomes a blank, so that every offset stays. */
function unwrap(text: string): string {
  let flowing = "";
  const lines = text.split("\n");
  for (const [number, line] of lines.entries()) {
    const next = lines[number + 1];
    if (next === undefined) return flowing + line;
    const goesOn = /^\s*\p{Ll}/u.test(next);
    const wrapped =
      line.trim() !== "" &&
      next.trim() !== "" &&
      !line.includes("\t") &&
      !isRow(line) &&
      !isRecord(line, next) &&
      !isRecord(line, lines[number - 1]) &&
      (goesOn ? !/[.!?…。！？؟।]\s*$/u.test(line) : !ENDS.test(line) && line.length >= WRAPPED_LINE_CHARS);
    flowing += line + (wrapped ? " " : "\n");
  }
  return flowing;
}
