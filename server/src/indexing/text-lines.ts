import type { ExtractedPage } from "../extraction/extractor.ts";

/** How much is turned into JSON at once: a page may be 32 M characters, which would hold the event loop 60 ms. */
const SLICE_CHARS = 64 * 1024;

/**
 * Pages as lines of the kept text: `{"page":1,"label":null,"text":"…"}`, in pieces; short ones together. A slice
 * may end inside a surrogate pair: both halves are then written as escapes, and are one character again when the
 * line is read.
 */
export function* textLines(pages: Iterable<ExtractedPage>): Generator<Uint8Array> {
  let lines = "";
  for (const { page, label, text } of pages) {
    lines += `{"page":${page},"label":${JSON.stringify(label)},"text":"`;
    for (let start = 0; start < text.length; start += SLICE_CHARS) {
      lines += escaped(text.slice(start, start + SLICE_CHARS));
      if (lines.length < SLICE_CHARS) continue;
      yield Buffer.from(lines, "utf8");
      lines = "";
    }
    lines += '"}\n';
  }
  if (lines !== "") yield Buffer.from(lines, "utf8");
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
