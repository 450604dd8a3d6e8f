import type { ExtractionEvent, ExtractionSource, Extractor } from "../extraction/extractor.ts";
import { tokenText } from "../search-index/analyze.ts";

/** What the extractor says of a document, as a test tells it: events in order; a function runs in between (to fail, to wait). */
export type Script = readonly (ExtractionEvent | (() => void | Promise<void>))[];

/** An Extractor port that reads its source to the end and then says what the script of the file's name tells it. */
export function scriptedExtractor(scriptOf: (source: ExtractionSource) => Script): Extractor {
  return {
    isolation: { strength: "none", inForce: [], missing: [] },
    async *extract(source, { signal }) {
      for await (const _ of source.open()) signal.throwIfAborted();
      for (const step of scriptOf(source)) {
        signal.throwIfAborted();
        if (typeof step === "function") await step();
        else yield [step];
      }
    },
    async close() {},
  };
}

/** Events of a text document with one page for each text, and one chunk for each page. */
export function textScript(...pages: readonly string[]): Script {
  return [
    { kind: "type", detected: "text/plain", titleTokens: "titl" },
    ...pages.flatMap((text, i): ExtractionEvent[] => [
      { kind: "page", page: { page: i + 1, label: null, text } },
      {
        kind: "chunks",
        chunks: [{ page: i + 1, charStart: 0, charEnd: text.length, text, tokens: tokenText(text) }],
      },
    ]),
  ];
}
