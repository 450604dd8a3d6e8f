import { setTimeout as wait } from "node:timers/promises";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { currentLabels, relabelLater } from "../files/labels.ts";
import { tagKey } from "../files/tag-key.ts";
import type { FileId, TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { titleTokenText } from "../search-index/analyze.ts";
import { type FileNames, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";

export interface IndexRefreshDeps {
  readonly catalogue: Catalogue;
  readonly index: SearchIndex;
  readonly log: Log;
}

/**
 * After an upgrade that brought a new analyser: makes the tokens of all chunks anew, from the texts in the index, team
 * after team, while searches and everything else go on. Chunks stay where they are, so a search finds each of them at
 * any instant, by its old tokens or its new ones; where it stopped is recorded in the index, and a restart goes on
 * there. Between two batches it rests, so that clients do not notice it (docs/decisions/0036).
 *
 * Rejected: `wharf reindex` for it, which needs the server to be down; a second index beside the first, which doubles
 * the disk and the writing.
 */
export class IndexRefresh {
  readonly #deps: IndexRefreshDeps;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #chunks = 0;
  #done = false;

  constructor(deps: IndexRefreshDeps) {
    this.#deps = deps;
  }

  /** For `/readyz`; null = every chunk has the tokens of this version. */
  get state(): string | null {
    return this.#done || this.#chunks === 0 ? null : `${this.#chunks} passages have been read again for a new analyser`;
  }

  start(): void {
    this.#running = this.runOnce().catch((err: unknown) =>
      this.#deps.log.warn({ err }, "the search index keeps tokens of an earlier version until the next start"),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** All teams once. */
  async runOnce(): Promise<void> {
    for (const team of await this.#deps.index.teams()) await this.#refreshTeam(team);
    if (this.#stopping.signal.aborted) return;
    this.#done = true;
    if (this.#chunks > 0)
      this.#deps.log.info({ chunks: this.#chunks }, "the search index is of this version's analyser");
  }

  async #refreshTeam(team: TeamId): Promise<void> {
    const { index, log } = this.#deps;
    try {
      while (!this.#stopping.signal.aborted) {
        const began = performance.now();
        const named: NamedFile[] = [];
        const chunks = await index.refresh(team, async (files) => {
          named.push(...(await this.#namesOf(files)));
          return named;
        });
        await this.#markChanged(named);
        if (chunks === 0) return;
        this.#chunks += chunks;
        await wait(RESTS * (performance.now() - began), undefined, { signal: this.#stopping.signal, ref: false }).catch(
          () => {},
        );
      }
    } catch (error) {
      // Damaged: the audit says so, and what to do.
      if (!(error instanceof SearchIndexError)) throw error;
      log.warn({ team, err: error }, "a team's search index keeps tokens of an earlier version");
    }
  }

  /** Whose title or tags have changed since they were read: maintenance tells the index once more. */
  async #markChanged(named: readonly NamedFile[]): Promise<void> {
    for (const { file, labels, build } of named) {
      const now = await currentLabels(this.#deps.catalogue, file);
      if (now === null || (now.labels === labels && now.build === build)) continue;
      await relabelLater(this.#deps.catalogue, now);
    }
  }

  /** A file that is deleted meanwhile has no names; its chunks go anyway. */
  async #namesOf(files: readonly FileId[]): Promise<readonly NamedFile[]> {
    const named: NamedFile[] = [];
    for (const file of files) {
      const known = await currentLabels(this.#deps.catalogue, file);
      if (known === null) continue;
      const { labels, build, filename, title, tags } = known;
      named.push({ file, labels, build, titleTokens: titleTokenText(filename, title), tags: tags.map(tagKey) });
    }
    return named;
  }
}

/** Times as long as a batch took. With 1, four searches of a thousand took more than twice their quiet p99. */
const RESTS = 3;

interface NamedFile extends FileNames {
  readonly labels: number;
  readonly build: string | null;
}
