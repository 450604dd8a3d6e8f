import type { PageText } from "./format.ts";

/** Text, Markdown and CSV are read as they stand: one page. Their syntax is what people search and cite. */
export function* readPlainText(text: string): Generator<PageText> {
  yield { label: null, text, total: 1 };
}
