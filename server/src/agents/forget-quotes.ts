import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId } from "../ids.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { blankQuotes } from "./responses.store.ts";

/** Takes the words of a deleted file out of every answer that was kept (AGT-6). May be repeated. */
export async function forgetQuotes(catalogue: Catalogue, fileId: FileId): Promise<void> {
  const limit = AGENT_LIMITS.perBlanking;
  while ((await catalogue.run(blankQuotes, { fileId, limit })) === limit);
}
