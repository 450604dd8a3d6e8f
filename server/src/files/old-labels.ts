import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId } from "../ids.ts";
import { listDirtyLabels } from "./labels.store.ts";

const PAGE = 1_000;

/**
 * Files whose title, tags or buckets the index may know otherwise than the catalogue: marks that
 * FileChanges.relabel takes away.
 */
export async function filesWithOldLabels(catalogue: Catalogue): Promise<readonly FileId[]> {
  const all: FileId[] = [];
  for (let after: FileId | null = null, more = true; more; ) {
    const page: readonly FileId[] = await catalogue.run(listDirtyLabels, { after, limit: PAGE });
    all.push(...page);
    after = page.at(-1) ?? null;
    more = page.length === PAGE;
  }
  return all;
}
