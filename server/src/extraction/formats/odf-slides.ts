import type { PageText } from "./format.ts";
import { OdfReader } from "./odf-reader.ts";
import { skippedPage } from "./skipped-page.ts";
import type { Attributes } from "./xml.ts";

/** A presentation (ODP): a page is a slide with its name, the speaker's notes after its text. */
export class OdfSlides extends OdfReader {
  readonly #pages: PageText[] = [];
  #name: string | null = null;
  #hidden = false;

  finish(): readonly PageText[] {
    return this.#pages.map((page) => ({ ...page, total: this.#pages.length }));
  }

  protected override element(name: string, attribute: Attributes): void {
    super.element(name, attribute);
    if (name !== "page") return;
    this.#name = attribute("name") ?? null;
    this.#hidden = this.styles.hidden("drawing-page", attribute);
  }

  protected override closed(name: string): void {
    super.closed(name);
    if (name !== "page") return;
    const text = this.out.take();
    this.#pages.push(this.#hidden ? skippedPage("hidden_slides") : { label: this.#name, text });
  }
}
