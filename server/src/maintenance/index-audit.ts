import type { Catalogue } from "../catalogue/catalogue.ts";
import { queueAgain } from "../files/queue-again.ts";
import { type IdSource, parseId, type TeamId } from "../ids.ts";
import { auditPage } from "../indexing/audit-page.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import type { Batch, Chore } from "./chore.ts";

export interface IndexAuditDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly ids: IdSource;
  readonly log: Log;
}

/**
 * Keeps `indexed` true. An index that was lost, restored from elsewhere or half rebuilt lacks builds that the
 * catalogue shows; such a file would be `indexed` and never found. Through all files after a start, then again and
 * again: whatever is missing is queued to be read again, through the ordinary task, and stays visible in `/readyz`,
 * in metrics and as the file's task meanwhile.
 *
 * An index that is damaged takes nothing any more: what is uploaded would wait for ever. It is thrown away, and then
 * all of it is missing. Searches of that team find in the meantime what was read again; of a damaged index they found
 * what it happened to answer.
 */
export class IndexAudit implements Chore {
  readonly name = "audit_index";
  readonly everyMs: number = LIMITS.compareIndexEveryMs;
  readonly share: number = LIMITS.compareIndexShare;
  readonly #deps: IndexAuditDeps;
  /** Of this round, as far as it came in this process. */
  #round = { isWhole: false, missing: 0, queued: 0, unreadable: new Set<TeamId>() };
  /** What the last round that ended had found. */
  #found = { missing: 0, unreadable: new Set<TeamId>() };
  #hasSeenAll = false;
  /** When this process threw a team's index away. */
  readonly #discardedAt = new Map<TeamId, number>();

  constructor(deps: IndexAuditDeps) {
    this.#deps = deps;
  }

  /** Builds that were missing, in this round or in the one before. */
  get missing(): number {
    return Math.max(this.#round.missing, this.#found.missing);
  }

  get state(): string {
    const { unreadable: before } = this.#found;
    const unreadable = new Set([...before, ...this.#round.unreadable, ...this.#deps.index.damaged()]);
    if (unreadable.size > 0)
      return `cannot be read for ${unreadable.size} teams: a damaged one is made anew within minutes; if this stays, stop the server and run wharf reindex`;
    if (this.missing > 0) return `${this.missing} files were missing in it and are being indexed again`;
    return this.#hasSeenAll ? "ok" : "being compared with the catalogue";
  }

  /** A page of files after the one that `position` names. */
  async runOnce(position: string | null): Promise<Batch> {
    if (position === null) this.#round = { isWhole: true, missing: 0, queued: 0, unreadable: new Set() };
    await this.#discardDamaged();
    const page = await auditPage(this.#deps, position === null ? null : parseId("file", position));
    for (const { team, file } of page.missing) {
      this.#round.missing += 1;
      if (await queueAgain(this.#deps, { teamId: team, fileId: file })) this.#round.queued += 1;
    }
    for (const team of page.unreadable) this.#round.unreadable.add(team);
    if (page.last === null) this.#endRound();
    return { next: page.last, ended: page.last === null, looked: page.looked, mended: page.missing.length };
  }

  async #discardDamaged(): Promise<void> {
    const { index, log } = this.#deps;
    for (const team of index.damaged()) {
      const before = this.#discardedAt.get(team);
      if (before !== undefined && performance.now() - before < LIMITS.discardIndexEveryMs) continue;
      this.#discardedAt.set(team, performance.now());
      try {
        await index.discard(team);
        this.#found.unreadable.delete(team);
        log.error(
          { team },
          "a team's search index is damaged: thrown away, and its files are read again. Look at the disk",
        );
      } catch (err) {
        if (!(err instanceof SearchIndexError)) throw err;
        log.error({ team, err }, "a damaged search index cannot be removed: stop the server and run wharf reindex");
      }
    }
  }

  #endRound(): void {
    const { isWhole, missing, queued, unreadable } = this.#round;
    if (missing > 0)
      this.#deps.log.error({ missing, queued }, "the search index lacked files that are indexed: they are read again");
    if (unreadable.size > 0)
      this.#deps.log.error(
        { teams: [...unreadable] },
        "the search index cannot be read: if it stays so, stop the server and run wharf reindex",
      );
    this.#found = { missing, unreadable };
    this.#round = { isWhole: false, missing: 0, queued: 0, unreadable: new Set() };
    this.#hasSeenAll ||= isWhole;
  }
}
