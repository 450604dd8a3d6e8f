import type { Catalogue } from "../catalogue/catalogue.ts";
import type { IdSource } from "../ids.ts";
import { deleteFile } from "./delete-file.store.ts";
import type { FileRef } from "./view.store.ts";

/** Deletes a file in a catalogue that no server runs on: its bytes are gone already. */
export async function deleteLostFile(
  deps: { readonly catalogue: Catalogue; readonly ids: IdSource },
  ref: FileRef,
): Promise<void> {
  await deps.catalogue.run(deleteFile, { ...ref, removalTaskId: deps.ids.next("task") });
}
