import { join } from "node:path";
import { openSearchIndex } from "../../server/src/engines/search-index.ts";
import type { FileId } from "../../server/src/ids.ts";
import { LIMITS } from "../../server/src/limits.ts";
import { createLog } from "../../server/src/log.ts";
import type { SearchIndex } from "../../server/src/search-index/search-index.ts";
import { processMs } from "./processor-time.ts";

/** As many candidates as the server asks for, for ten results. */
const CANDIDATES = 2 * LIMITS.searchLimitDefault + LIMITS.searchExtraCandidates;

/**
 * The search index without the server: over the file of its only team, in this process, so that it can be set against
 * plain FTS5, which has no HTTP and no catalogue either.
 */
export class ReaderAlone {
  readonly #index: SearchIndex;

  private constructor(index: SearchIndex) {
    this.#index = index;
  }

  static async over(dataDir: string): Promise<ReaderAlone> {
    const fatal = (error: Error) => {
      throw error;
    };
    return new ReaderAlone(await openSearchIndex({ dir: join(dataDir, "index"), log: createLog("silent"), fatal }));
  }

  /**
   * Processor time of each query's ranking, with the messages to the reading thread and back. `file`: in its chunks
   * alone, as in those of a bucket.
   */
  async processorMs(queries: readonly string[], file: FileId | null): Promise<readonly number[]> {
    const [team] = await this.#index.teams();
    if (team === undefined) throw new Error("the server has indexed nothing");
    const taken: number[] = [];
    for (const text of queries) {
      const began = processMs();
      await this.#index.rank(team, {
        text,
        buckets: [],
        tags: [],
        files: file === null ? null : [file],
        limit: CANDIDATES,
        termBudgetRows: LIMITS.searchTermBudgetRows,
      });
      taken.push(processMs() - began);
    }
    return taken;
  }

  async close(): Promise<void> {
    await this.#index.close();
  }
}
