import { type Fts5SearchIndexOptions, openFts5SearchIndex } from "../search-index/fts5.ts";
import { type IndexInspection, inspectIndexes } from "../search-index/fts5-inspect.ts";
import type { SearchIndex } from "../search-index/search-index.ts";

/** FTS5, a file for each team. */
export function openSearchIndex(options: Fts5SearchIndexOptions): Promise<SearchIndex> {
  return openFts5SearchIndex(options);
}

/** Looks at what stands in `dir` without opening an index; beside a running server too. */
export function inspectSearchIndexes(dir: string): readonly IndexInspection[] {
  return inspectIndexes(dir);
}
