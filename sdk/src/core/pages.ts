/**
 * A list that is asked for page by page, as it is read: `for await (const file of wharf.files.list())` walks all of it,
 * newest first, and may be left at any point. `pages()` gives the API's own answers.
 */
export class Pages<Item, Page extends { readonly next_cursor: string | null }> implements AsyncIterable<Item> {
  readonly #fetchPage: (cursor: string | null) => Promise<Page>;
  readonly #itemsOf: (page: Page) => readonly Item[];

  constructor(fetchPage: (cursor: string | null) => Promise<Page>, itemsOf: (page: Page) => readonly Item[]) {
    this.#fetchPage = fetchPage;
    this.#itemsOf = itemsOf;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* this.#itemsOf(page);
  }

  /**
   * A page before the end may be short or empty where a filter matches rarely: a null `next_cursor` alone ends a list.
   */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
      const page: Page = await this.#fetchPage(cursor);
      yield page;
      cursor = page.next_cursor;
    }
  }

  /** The first `limit` items. */
  async first(limit: number): Promise<readonly Item[]> {
    const items: Item[] = [];
    if (limit > 0)
      for await (const item of this) {
        items.push(item);
        if (items.length >= limit) break;
      }
    return items;
  }
}
