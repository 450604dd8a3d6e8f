import { AREAS, type Area, type BlobStore, type StoredEntry } from "./blob-store.ts";

/** All that is stored, or all of one area, page after page. */
export async function* everyEntry(
  blobs: Pick<BlobStore, "list">,
  areas: readonly Area[] = AREAS,
): AsyncGenerator<StoredEntry> {
  for (const area of areas) {
    for (let after: string | null = null, more = true; more; ) {
      const page: Awaited<ReturnType<BlobStore["list"]>> = await blobs.list(area, after);
      yield* page.entries;
      after = page.next;
      more = after !== null;
    }
  }
}
