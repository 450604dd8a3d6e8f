import type { PageText } from "./format.ts";

/** A sheet or slide that its author hid: it keeps its number, and is empty. Its name may be as private as the rest. */
export function skippedPage(what: "hidden_sheets" | "hidden_slides", total?: number): PageText {
  return {
    label: null,
    text: "",
    warnings: [{ code: "part_skipped", finding: what }],
    ...(total === undefined ? {} : { total }),
  };
}
