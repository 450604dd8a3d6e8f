import type { Catalogue } from "../catalogue/catalogue.ts";
import { queueAgain } from "../files/queue-again.ts";
import type { FileId, IdSource, TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { listShown, type ShownBuild, stillShown } from "./rebuild.store.ts";

/** Compares what the catalogue says is found with what the index holds. Doctor and the running server call this one code. */

export interface AuditPage {
  /** Builds that search should show and the index does not hold, or not whole. */
  readonly missing: readonly ShownBuild[];
  /** Teams whose index cannot be read: nothing is known of their builds. */
  readonly unreadable: readonly TeamId[];
  readonly looked: number;
  /** Where the next page begins; null: this was the last. */
  readonly last: FileId | null;
}

/** Files of one page. */
const PAGE = 500;

/** Safe beside writers: a build that a newer one replaces meanwhile is not reported. */
export async function auditPage(
  { catalogue, index }: { readonly catalogue: Catalogue; readonly index: SearchIndex },
  after: FileId | null,
): Promise<AuditPage> {
  const { shown, last } = await catalogue.run(listShown, { after, limit: PAGE });
  const missing: ShownBuild[] = [];
  const unreadable: TeamId[] = [];
  for (const [team, ofTeam] of Map.groupBy(shown, (build) => build.team)) {
    try {
      const held = await chunksHeld(index, team, ofTeam);
      missing.push(...ofTeam.filter(({ file, build, chunks }) => held.get(`${file} ${build}`) !== chunks));
    } catch (error) {
      if (!(error instanceof SearchIndexError)) throw error;
      unreadable.push(team);
    }
  }
  const now = await catalogue.run(stillShown, { files: missing.map((build) => build.file) });
  const current = new Map(now.map((build) => [build.file, build]));
  const sure = missing.filter(({ file, build }) => current.get(file)?.build === build);
  return { missing: sure, unreadable, looked: shown.length, last };
}

/** Chunks of each build in the range of the given files, which are in the order of their ids, as the index is. */
async function chunksHeld(
  index: SearchIndex,
  team: TeamId,
  files: readonly ShownBuild[],
): Promise<ReadonlyMap<string, number>> {
  const held = new Map<string, number>();
  const end = files.at(-1)?.file ?? "";
  let after = files[0] === undefined ? null : { file: files[0].file, build: "" };
  while (after !== null) {
    const page: Awaited<ReturnType<SearchIndex["builds"]>> = await index.builds(team, after, PAGE);
    for (const { file, build, chunks } of page) held.set(`${file} ${build}`, chunks);
    const last = page.at(-1);
    after = last === undefined || page.length < PAGE || last.file > end ? null : { file: last.file, build: last.build };
  }
  return held;
}

export interface IndexAuditDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly ids: IdSource;
  readonly log: Log;
}

/**
 * Keeps `indexed` true. An index that was lost, restored from elsewhere or half rebuilt lacks builds that the catalogue shows; such a file
 * would be `indexed` and never found. Once through all files after a start, then a page a round of the sweeper, for ever: whatever is
 * missing is queued to be read again, through the ordinary task, and stays visible in `/readyz`, in metrics and as the file's task meanwhile.
 */
export class IndexAudit {
  readonly #deps: IndexAuditDeps;
  #after: FileId | null = null;
  #passes = 0;
  #pass = { missing: 0, queued: 0, unreadable: new Set<TeamId>() };
  /** What the last pass that ended had found. */
  #found = { missing: 0, unreadable: 0 };
  readonly #stopping = new AbortController();
  #firstPass: Promise<void> | null = null;

  constructor(deps: IndexAuditDeps) {
    this.#deps = deps;
  }

  /** Builds that were missing, in this pass or in the one before. */
  get missing(): number {
    return Math.max(this.#pass.missing, this.#found.missing);
  }

  get state(): string {
    const unreadable = Math.max(this.#pass.unreadable.size, this.#found.unreadable);
    if (unreadable > 0) return `cannot be read for ${unreadable} teams: stop the server and run wharf reindex`;
    if (this.missing > 0) return `${this.missing} files were missing in it and are being indexed again`;
    return this.#passes === 0 ? "being compared with the catalogue" : "ok";
  }

  /** All files once, in the background, page after page. */
  start(): void {
    this.#firstPass = this.runPass()
      .catch((err: unknown) => this.#deps.log.warn({ err }, "the search index cannot be compared right now"))
      .finally(() => {
        this.#firstPass = null;
      });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#firstPass;
  }

  async runPass(): Promise<void> {
    do await this.#look();
    while (this.#after !== null && !this.#stopping.signal.aborted);
  }

  /** One page, unless the first pass is at work. */
  async runOnce(): Promise<void> {
    if (this.#firstPass === null) await this.#look();
  }

  async #look(): Promise<void> {
    const page = await auditPage(this.#deps, this.#after);
    for (const { team, file } of page.missing) {
      this.#pass.missing += 1;
      if (await queueAgain(this.#deps, { teamId: team, fileId: file })) this.#pass.queued += 1;
    }
    for (const team of page.unreadable) this.#pass.unreadable.add(team);
    this.#after = page.last;
    if (page.last === null) this.#endPass();
  }

  #endPass(): void {
    const { missing, queued, unreadable } = this.#pass;
    if (missing > 0)
      this.#deps.log.error({ missing, queued }, "the search index lacked files that are indexed: they are read again");
    if (unreadable.size > 0)
      this.#deps.log.error(
        { teams: [...unreadable] },
        "the search index cannot be read: stop the server and run wharf reindex",
      );
    this.#found = { missing, unreadable: unreadable.size };
    this.#pass = { missing: 0, queued: 0, unreadable: new Set() };
    this.#passes += 1;
  }
}
