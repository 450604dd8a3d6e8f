import { LIMITS } from "../limits.ts";
import type { PageWarning } from "./formats/format.ts";

/** Pages with the same warning, in order. */
export type FoundWarning = PageWarning & { readonly pages: readonly number[] };

/**
 * Gathers what pages warn of: an entry for each finding, with the first limits.warningPages. There are fewer findings
 * than limits.warnings.
 */
export class PageWarnings {
  readonly #gathered = new Map<string, { readonly warning: PageWarning; readonly pages: number[] }>();

  /** Pages in order. */
  add(page: number, warnings: readonly PageWarning[]): void {
    for (const warning of warnings) {
      const found = this.#gathered.get(warning.finding) ?? { warning, pages: [] };
      this.#gathered.set(warning.finding, found);
      if (found.pages.length < LIMITS.warningPages && found.pages.at(-1) !== page) found.pages.push(page);
    }
  }

  all(): readonly FoundWarning[] {
    return [...this.#gathered.values()].map(({ warning, pages }) => ({ ...warning, pages }));
  }
}
