import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileChanges } from "../files/change-file.ts";
import { listDirtyLabels } from "../files/labels.store.ts";
import { brandId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Batch, Chore } from "./chore.ts";

const FILES = 20;

export interface OldLabelsDeps {
  readonly catalogue: Catalogue;
  readonly changes: Pick<FileChanges, "relabel">;
  readonly log: Log;
}

/** Changes of files that did not get as far as to tell the index what is true now (files/change-file.ts). */
export class OldLabels implements Chore {
  readonly name = "old_labels";
  readonly everyMs = LIMITS.sweepEveryMs;
  readonly share = LIMITS.sweepShare;
  readonly #deps: OldLabelsDeps;

  constructor(deps: OldLabelsDeps) {
    this.#deps = deps;
  }

  async runOnce(position: string | null): Promise<Batch> {
    const { catalogue, changes } = this.#deps;
    const after = position === null ? null : brandId("file", position);
    const files = await catalogue.run(listDirtyLabels, { after, limit: FILES });
    let mended = 0;
    for (const file of files) if (await this.#relabel(changes, file)) mended += 1;
    const ended = files.length < FILES;
    return { next: ended ? null : (files.at(-1) ?? null), ended, looked: files.length, mended };
  }

  /** A team whose index is damaged must not hold the others up: its file comes again in the next round. */
  async #relabel(changes: OldLabelsDeps["changes"], file: Parameters<FileChanges["relabel"]>[0]): Promise<boolean> {
    try {
      return await changes.relabel(file);
    } catch (err) {
      this.#deps.log.warn({ file_id: file, err }, "the search index keeps old labels of a file");
      return false;
    }
  }
}
