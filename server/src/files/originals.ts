import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId } from "../ids.ts";
import { findOriginals, listOriginals, type Original } from "./originals.store.ts";

/** Files that are not deleted, with what has to be on the disk for them: for doctor and the scrubber. */

const PAGE = 500;

/**
 * All of them, or those after a file, in the order of their ids; read in pages, so that files that come and go
 * meanwhile may be missed.
 */
export async function* walkOriginals(catalogue: Catalogue, after: FileId | null = null): AsyncGenerator<Original> {
  for (let from = after, more = true; more; ) {
    const page: Awaited<ReturnType<typeof originalsAfter>> = await originalsAfter(catalogue, from, PAGE);
    yield* page.originals;
    from = page.last;
    more = from !== null;
  }
}

/** One page of them; `last` null: it was the end. */
export async function originalsAfter(
  catalogue: Catalogue,
  after: FileId | null,
  limit: number,
): Promise<{ readonly originals: readonly Original[]; readonly last: FileId | null }> {
  return catalogue.run(listOriginals, { after, limit });
}

/** Of those files that are not deleted. */
export async function originalsOf(catalogue: Catalogue, files: readonly FileId[]): Promise<readonly Original[]> {
  return catalogue.run(findOriginals, { files });
}

/** Whether the file is not deleted. */
export async function hasOriginal(catalogue: Catalogue, original: Original): Promise<boolean> {
  const [now] = await catalogue.run(findOriginals, { files: [original.file] });
  return now?.key === original.key;
}

/** False: the file was deleted since, or its text is another by now; then what was seen of it says nothing. */
export async function isStillThere(catalogue: Catalogue, original: Original): Promise<boolean> {
  const [now] = await catalogue.run(findOriginals, { files: [original.file] });
  return now?.key === original.key && now.textKey === original.textKey;
}
