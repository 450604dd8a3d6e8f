import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { chunkPage } from "../chunking/chunk-page.ts";
import { queueAgain } from "../files/queue-again.ts";
import type { IdSource, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { titleTokenText, tokenText } from "../search-index/analyze.ts";
import { markDiscarded, markRebuilt, planRebuild, rebuildMarks } from "../search-index/rebuild-marks.ts";
import { type IndexedChunk, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { KeptTextDamagedError, readKeptText } from "./kept-text.ts";
import { correctChunks, listShownOfTeam, listTeams, type ShownBuild, type TeamRef } from "./rebuild.store.ts";
import { findSource } from "./store.ts";

export interface RebuildDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly index: SearchIndex;
  /** Folder of the index files, for the marks of what is left to do. */
  readonly indexDir: string;
  readonly ids: IdSource;
}

export interface RebuildOptions {
  /** Only this team's index; null = all. */
  readonly teamSlug: string | null;
  readonly signal: AbortSignal;
  readonly onProgress?: (team: TeamRef, report: RebuildReport) => void;
}

export interface RebuildReport {
  /** Teams whose index was written anew by this run. */
  teams: number;
  /** Teams that an interrupted run had left to do; null = there was none. */
  resumed: number | null;
  files: number;
  chunks: number;
  /** Files whose kept text is missing or damaged: queued, to be read again from their originals. */
  queued: number;
}

/**
 * `wharf reindex`: makes the search index anew from the kept text, team by team: thrown away, then every active build
 * written under its own name. The caller holds the server lock. It may be killed at any point: marks beside the index
 * files say what is left, the next run goes on there, and a server that starts before it finds the missing builds by
 * itself (index-audit.ts). Throws when there is no such team.
 */
export async function rebuildIndex(deps: RebuildDeps, options: RebuildOptions): Promise<RebuildReport | null> {
  const teams = await deps.catalogue.run(listTeams, { slug: options.teamSlug });
  if (teams.length === 0 && options.teamSlug !== null) return null;
  const left = rebuildMarks(deps.indexDir);
  const interrupted = teams.filter((team) => left.has(team.id));
  if (interrupted.length === 0)
    planRebuild(
      deps.indexDir,
      teams.map((team) => team.id),
    );
  const report: RebuildReport = {
    teams: 0,
    resumed: interrupted.length === 0 ? null : interrupted.length,
    files: 0,
    chunks: 0,
    queued: 0,
  };
  for (const team of interrupted.length === 0 ? teams : interrupted) {
    await rebuildTeam(deps, team, options, report);
    report.teams += 1;
    options.onProgress?.(team, report);
  }
  return report;
}

const PAGE = 200;

async function rebuildTeam(deps: RebuildDeps, team: TeamRef, options: RebuildOptions, report: RebuildReport) {
  const { catalogue, index, indexDir } = deps;
  if (rebuildMarks(indexDir).get(team.id) !== "rebuild" || !(await isReadable(index, team.id))) {
    planRebuild(indexDir, [team.id]);
    await index.discard(team.id);
    markDiscarded(indexDir, team.id);
  }
  for (let after: ShownBuild | null = null, more = true; more; ) {
    const page: readonly ShownBuild[] = await catalogue.run(listShownOfTeam, { team: team.id, after, limit: PAGE });
    for (const shown of page) {
      options.signal.throwIfAborted();
      await rebuildFile(deps, shown, report);
    }
    after = page.at(-1) ?? null;
    more = page.length === PAGE;
  }
  markRebuilt(indexDir, team.id);
}

/** An index that was damaged while it was being rebuilt is begun again. */
async function isReadable(index: SearchIndex, team: TeamId): Promise<boolean> {
  try {
    await index.builds(team, null, 1);
    return true;
  } catch (error) {
    if (error instanceof SearchIndexError) return false;
    throw error;
  }
}

async function rebuildFile(deps: RebuildDeps, shown: ShownBuild, report: RebuildReport): Promise<void> {
  const { catalogue, index } = deps;
  const { team, file, build } = shown;
  const builds = await index.builds(team, { file, build: "" }, PAGE);
  const there = builds.find((ref) => ref.file === file && ref.build === build);
  // An interrupted run had written it to its end.
  if (there?.chunks === shown.chunks) return;
  if (there !== undefined) await index.removeBuild(team, { file, build });
  const chunks = await writeFromText(deps, shown);
  if (chunks === null) {
    await queueAgain(deps, { teamId: team, fileId: file });
    report.queued += 1;
    return;
  }
  if (chunks !== shown.chunks) await catalogue.run(correctChunks, { file, build, chunks });
  report.files += 1;
  report.chunks += chunks;
}

/**
 * How many chunks it wrote; null: the kept text is missing or damaged. What was written until then is under a build
 * that is not complete.
 */
async function writeFromText(deps: RebuildDeps, shown: ShownBuild): Promise<number | null> {
  const { blobs, catalogue, index } = deps;
  const { team, file, build, textKey } = shown;
  const source = await catalogue.run(findSource, { fileId: file });
  if (source === null || textKey === null) return null;
  const { buckets, tags } = source;
  const titleTokens = titleTokenText(source.filename, source.title);
  let position = 0;
  let batch: IndexedChunk[] = [];
  let writing: Promise<void> = Promise.resolve();
  const write = async () => {
    // One batch is written while the next one is analysed.
    await writing;
    writing = index.write(team, { file, build, buckets, tags, titleTokens, chunks: batch });
    writing.catch(() => {});
    batch = [];
  };
  try {
    for await (const { page, text } of readKeptText(blobs, storedKey(textKey)))
      for (const chunk of chunkPage(text)) {
        batch.push({ position: position++, page, ...chunk, tokens: tokenText(chunk.text) });
        if (batch.length === LIMITS.chunksPerWrite) await write();
      }
    if (batch.length > 0) await write();
    await writing;
    return position;
  } catch (error) {
    await writing;
    if (error instanceof KeptTextDamagedError || (error instanceof BlobStoreError && isLoss(error))) return null;
    throw error;
  }
}

function isLoss({ failure }: BlobStoreError): boolean {
  return failure === "missing" || failure === "damaged";
}

/** null: no team has that slug. */
export async function teamNamed(catalogue: Catalogue, slug: string): Promise<TeamRef | null> {
  const [team = null] = await catalogue.run(listTeams, { slug });
  return team;
}
