import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Holder, Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import { LIMITS } from "../limits.ts";
import { listFiles } from "./list.store.ts";
import type { ListPosition, ListRequest } from "./list.ts";
import type { FileView } from "./view.store.ts";

export interface ListDeps {
  readonly catalogue: Catalogue;
  /** List requests under way … */
  readonly lists: Places;
  /** … whose reads take turns with all that look at many rows. */
  readonly walks: Turns;
}

/**
 * A page of files. What matches rarely is looked for in several reads, each in its turn, so that nobody waits behind
 * all of them; after limits.listReads the page stays short, and the client goes on from there. Throws `overloaded`.
 */
export async function readFiles(
  { catalogue, lists, walks }: ListDeps,
  by: Holder,
  gone: AbortSignal,
  request: ListRequest,
): Promise<{ readonly files: readonly FileView[]; readonly next: ListPosition | null }> {
  const place = lists.take(by);
  try {
    const files: FileView[] = [];
    let after = request.after;
    for (let reads = 0; reads < LIMITS.listReads; reads++) {
      const wanted = { ...request, teamId: by.teamId, limit: request.limit - files.length, after };
      const page = await walks.run(by, gone, () => catalogue.run(listFiles, wanted));
      files.push(...page.files);
      after = page.next;
      if (after === null || files.length === request.limit) break;
    }
    return { files, next: after };
  } finally {
    place.free();
  }
}
