import { setTimeout as sleep } from "node:timers/promises";
import { AREAS } from "../../src/blobs/blob-store.ts";
import { http } from "./http.ts";

/**
 * Resolves when a server that has started has compared all that is stored with its catalogue: what an earlier one
 * left is gone then.
 */
export async function reconciled(url: string): Promise<void> {
  for (let waiting = AREAS.map((area) => `reconcile_${area}`); waiting.length > 0; ) {
    await sleep(20);
    const { text } = await http(`${url}/metrics`);
    waiting = waiting.filter((chore) => !text.includes(`wharf_maintenance_rounds_total{chore="${chore}"}`));
  }
}
