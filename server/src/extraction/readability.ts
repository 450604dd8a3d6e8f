import type { GarbledReason, PageText, PageWarning } from "./formats/format.ts";
import { verdictOf } from "./formats/garbled.ts";

/** Whether a document's text can be read by anybody: judged page by page, decided at its end. */
export class Readability {
  /** A page had text that is one; also true while none had any. */
  #readable = false;
  #garbled = false;
  #reason: GarbledReason | undefined;

  /** False: there is text, and all of it is garbage. */
  get hasReadable(): boolean {
    return this.#readable || !this.#garbled;
  }

  /** What happened to it. */
  get reason(): GarbledReason | undefined {
    return this.#reason;
  }

  /** The warnings that the page deserves. */
  judge({ text, unreadable }: PageText): readonly PageWarning[] {
    if (text.trim() === "") return [];
    const found = unreadable === undefined ? verdictOf(text) : { garbled: "page", reason: unreadable };
    if (found === null || found.garbled === "spots") this.#readable = true;
    else this.#garbled = true;
    if (found === null) return [];
    this.#reason = found.reason;
    return [{ code: "garbled_text", finding: found.reason }];
  }
}
