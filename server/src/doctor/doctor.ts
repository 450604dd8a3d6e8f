import { existsSync } from "node:fs";
import { inspectCatalogue } from "../catalogue/inspect.ts";
import { type DataFolder, isLocked } from "../data-folder.ts";
import { inspectSearchIndexes } from "../engines/search-index.ts";
import { rebuildMarks } from "../search-index/rebuild-marks.ts";
import { type ContentDeps, checkBlobs, checkCounters, checkIndex, checkOrphans } from "./check-content.ts";
import { checkMachine } from "./check-machine.ts";
import { checkRetention, checkSignIns } from "./check-retention.ts";
import { checkAnswers, checkBatches, checkLabels, type RowsDeps } from "./check-rows.ts";
import { type Finding, finding, some } from "./finding.ts";

export interface DoctorOptions {
  /** Mend what can be mended; the caller holds the server lock then. */
  readonly repair: boolean;
  /** Read every byte of every original. */
  readonly deep: boolean;
  readonly reserveBytes: number | null;
  readonly signal: AbortSignal;
}

/**
 * `wharf doctor`: looks at everything that a data folder holds, and says of each thing whether it is as it should be
 * and what to do when it is not. Beside a running server it reads only; it needs no server either. Content is compared
 * through `withContent`, which opens the adapters: only after the databases were found sound, since a damaged one
 * cannot be opened.
 */
export async function* examine(
  folder: DataFolder,
  options: DoctorOptions,
  withContent: (work: (deps: ContentDeps & RowsDeps) => Promise<void>) => Promise<void>,
): AsyncGenerator<Finding> {
  const machine = checkMachine(folder, options);
  yield* machine;
  if (!options.repair)
    yield finding(
      "server",
      "ok",
      isLocked(folder) ? "A server runs on this folder." : "No server runs on this folder.",
    );
  const catalogue = checkCatalogue(folder);
  yield catalogue;
  yield* checkIndexFiles(folder);
  // Adapters make what is missing: on a disk that is not mounted that would hide the loss.
  const incomplete = machine.some(({ check, state }) => check === "folders" && state === "problem");
  if (catalogue.state !== "ok" || incomplete) return;

  const findings: Finding[] = [];
  await withContent(async (deps) => {
    findings.push(await checkCounters(deps, options));
    for (const check of [checkBatches, checkLabels, checkAnswers, checkSignIns, checkRetention])
      findings.push(await check(deps, options));
    findings.push(...(await checkOrphans(deps, options)));
    findings.push(...(await checkIndex(deps, options)));
    findings.push(...(await checkBlobs(deps, options)));
  });
  yield* findings;
}

function checkCatalogue(folder: DataFolder): Finding {
  const { schema, newestSchema, sqlite, damage } = inspectCatalogue(folder.catalogue);
  if (damage.length > 0)
    return finding(
      "catalogue",
      "problem",
      `The catalogue is damaged (${some(damage)}): stop the server and restore a backup into a new folder.`,
    );
  if (schema > newestSchema)
    return finding(
      "catalogue",
      "problem",
      `The catalogue has schema ${schema}, this Wharf knows up to ${newestSchema}: run the newer Wharf.`,
    );
  if (schema < newestSchema)
    return finding(
      "catalogue",
      "note",
      `The catalogue has schema ${schema}: the next start of this Wharf brings it to ${newestSchema}. Back it up first.`,
    );
  return finding("catalogue", "ok", `The catalogue is sound: schema ${schema}, SQLite ${sqlite}.`);
}

function checkIndexFiles(folder: DataFolder): readonly Finding[] {
  if (!existsSync(folder.index)) return [];
  const files = inspectSearchIndexes(folder.index);
  const damaged = files.filter(({ damage }) => damage.length > 0);
  const marks = rebuildMarks(folder.index);
  const findings = damaged.map(({ team, damage }) =>
    finding(
      "index files",
      "problem",
      `The index of ${team} is damaged (${some(damage)}): a running server makes it anew by itself; to have it quicker, stop the server and run wharf reindex.`,
    ),
  );
  if (marks.size > 0)
    findings.push(
      finding(
        "index files",
        "problem",
        `A rebuild of the index was interrupted, ${marks.size} teams are left: stop the server and run wharf reindex.`,
      ),
    );
  return findings.length > 0
    ? findings
    : [finding("index files", "ok", `The index files of ${files.length} teams are sound.`)];
}
