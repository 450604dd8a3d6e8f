import { type Fts5SearchIndex, type Fts5SearchIndexOptions, openFts5SearchIndex } from "../search-index/fts5.ts";

/** FTS5, a file for each team. */
export function openSearchIndex(options: Fts5SearchIndexOptions): Promise<Fts5SearchIndex> {
  return openFts5SearchIndex(options);
}
