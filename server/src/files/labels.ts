import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId } from "../ids.ts";
import { type Labels, markLabelsDirty, readLabels } from "./labels.store.ts";

/** Null: the file is deleted. */
export function currentLabels(catalogue: Catalogue, fileId: FileId): Promise<Labels | null> {
  return catalogue.run(readLabels, { fileId });
}

/** The index may have got older labels than these: maintenance tells it once more. */
export async function relabelLater(catalogue: Catalogue, { fileId, labels, build }: Labels): Promise<void> {
  if (build !== null) await catalogue.run(markLabelsDirty, { fileId, labels, build });
}
