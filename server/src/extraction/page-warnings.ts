import { FILE_WARNINGS, type FileWarning, type FileWarningCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { PageWarning } from "./formats/format.ts";

/** Gathers what pages warn of, a warning for each code and reason, within the contract's bounds (§11): the first of each count. */
export class PageWarnings {
  readonly #gathered = new Map<string, { readonly code: FileWarningCode; readonly pages: number[] }>();

  /** Pages in order. */
  add(page: number, warnings: readonly PageWarning[]): void {
    for (const { code, detail } of warnings) {
      const message = `${FILE_WARNINGS[code]} (${detail})`.slice(0, LIMITS.warningChars);
      let found = this.#gathered.get(message);
      if (found === undefined && this.#gathered.size < LIMITS.warnings) {
        found = { code, pages: [] };
        this.#gathered.set(message, found);
      }
      if (found !== undefined && found.pages.length < LIMITS.warningPages && found.pages.at(-1) !== page)
        found.pages.push(page);
    }
  }

  all(): readonly FileWarning[] {
    return [...this.#gathered].map(([message, { code, pages }]) => ({ code, message, pages }));
  }
}
