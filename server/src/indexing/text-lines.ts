import type { ExtractedPage } from "../extraction/extractor.ts";

/** How much of a page is turned into JSON at once: a page may be 32 M characters, which would hold the event loop 60 ms. */
const SLICE_CHARS = 64 * 1024;

/**
 * A page as one line of the kept text: `{"page":1,"label":null,"text":"…"}`, in pieces. A slice may end inside a surrogate pair: both
 * halves are then written as escapes, and are one character again when the line is read.
 */
export function* textLine({ page, label, text }: ExtractedPage): Generator<Uint8Array> {
  const head = `{"page":${page},"label":${JSON.stringify(label)},"text":"`;
  yield Buffer.from(head + escaped(text.slice(0, SLICE_CHARS)), "utf8");
  for (let start = SLICE_CHARS; start < text.length; start += SLICE_CHARS)
    yield Buffer.from(escaped(text.slice(start, start + SLICE_CHARS)), "utf8");
  yield Buffer.from('"}\n', "utf8");
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
