import { createHash } from "node:crypto";
import { type BlobStore, BlobStoreError } from "../blobs/blob-store.ts";
import { storedKey } from "../blobs/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { toError } from "../errors.ts";
import type { Original } from "../files/originals.store.ts";
import { isStillThere, walkOriginals } from "../files/originals.ts";
import { queueAgain } from "../files/queue-again.ts";
import type { BucketId, FileId, IdSource, TeamId } from "../ids.ts";
import { auditPage } from "../indexing/audit-page.ts";
import { pruneBuilds } from "../indexing/prune-builds.ts";
import type { ShownBuild } from "../indexing/rebuild.store.ts";
import type { Log } from "../log.ts";
import { reconcile } from "../maintenance/reconcile.ts";
import type { SearchIndex } from "../search-index/search-index.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import { bytesInWords, type Finding, finding, some } from "./finding.ts";
import { recount, wrongBuckets, wrongTeams } from "./store.ts";

export interface ContentDeps {
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly arrivals: Pick<Arrivals, "tidy">;
  readonly index: SearchIndex;
  readonly ids: IdSource;
  readonly log: Log;
}

export interface ContentOptions {
  /** Change what can be mended. The caller holds the server lock. */
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

export async function checkCounters({ catalogue }: ContentDeps, { repair }: ContentOptions): Promise<Finding> {
  const buckets: BucketId[] = [];
  for (let after: BucketId | null = null, more = true; more; ) {
    const page: { readonly wrong: readonly BucketId[]; readonly last: BucketId | null } = await catalogue.run(
      wrongBuckets,
      { after },
    );
    buckets.push(...page.wrong);
    after = page.last;
    more = after !== null;
  }
  const teams: readonly TeamId[] = await catalogue.run(wrongTeams, {});
  if (buckets.length + teams.length === 0) return finding("counters", "ok", "Buckets and teams count what they hold.");
  const where = some([...buckets, ...teams]);
  if (!repair)
    return finding(
      "counters",
      "problem",
      `Counters of ${where} are wrong: stop the server and run wharf doctor --repair.`,
    );
  await catalogue.run(recount, { buckets, teams });
  return finding("counters", "repaired", `Counters of ${where} were wrong and are counted again.`);
}

/** What nothing refers to, by the code of maintenance. Not a problem: the server removes it by itself. */
export async function checkOrphans(deps: ContentDeps, { repair, signal }: ContentOptions): Promise<readonly Finding[]> {
  // Without the lock sessions may be written just now: then only what is garbage for certain counts as such.
  const report = await reconcile(deps, { heldMs: () => (repair ? 0 : null), busy: () => [], repair, signal });
  const { garbage, failures } = report;
  const builds = repair ? await pruneBuilds(deps, signal) : 0;
  const what = `${garbage} stored objects or ends of them (${bytesInWords(report.garbageBytes)}) belong to nothing`;
  const first =
    garbage === 0
      ? finding("orphans", "ok", `All ${report.looked} stored objects belong to something.`)
      : repair
        ? finding("orphans", "repaired", `${what}, and are removed.`)
        : finding("orphans", "note", `${what}: the server removes them by itself.`);
  const findings = [first];
  if (failures.length > 0)
    findings.push(
      finding(
        "orphans",
        "problem",
        `${failures.length} of them cannot be removed or looked at (${toError(failures[0]).message}): look at the disk.`,
      ),
    );
  if (builds > 0)
    findings.push(finding("orphans", "repaired", `${builds} builds that nobody sees are removed from the index.`));
  return findings;
}

export async function checkIndex(deps: ContentDeps, { repair, signal }: ContentOptions): Promise<readonly Finding[]> {
  const missing: ShownBuild[] = [];
  const unreadable = new Set<TeamId>();
  let looked = 0;
  for (let after: FileId | null = null, more = true; more; ) {
    signal.throwIfAborted();
    const page: Awaited<ReturnType<typeof auditPage>> = await auditPage(deps, after);
    missing.push(...page.missing);
    for (const team of page.unreadable) unreadable.add(team);
    looked += page.looked;
    after = page.last;
    more = after !== null;
  }
  const findings: Finding[] = [];
  if (unreadable.size > 0)
    findings.push(
      finding(
        "index",
        "problem",
        `The index of ${some([...unreadable])} cannot be read: stop the server and run wharf reindex.`,
      ),
    );
  if (missing.length > 0 && repair) {
    for (const { team, file } of missing) await queueAgain(deps, { teamId: team, fileId: file });
    findings.push(
      finding(
        "index",
        "repaired",
        `${missing.length} indexed files were not in the index, or not whole: they are queued, and found again when the server has run. wharf reindex is quicker for many.`,
      ),
    );
  } else if (missing.length > 0)
    findings.push(
      finding(
        "index",
        "problem",
        `${missing.length} indexed files are not in the index, or not whole (${some(missing.map((build) => build.file))}): stop the server and run wharf reindex. A running server reads them again by itself, one after the other.`,
      ),
    );
  if (findings.length === 0) findings.push(finding("index", "ok", `The index holds all ${looked} indexed files.`));
  return findings;
}

/** Originals and texts that files refer to; `deep` compares every byte of the originals with its digest. */
export async function checkBlobs(
  deps: ContentDeps,
  { signal, deep }: ContentOptions & { readonly deep: boolean },
): Promise<readonly Finding[]> {
  const wrong: string[] = [];
  const textless: string[] = [];
  let [looked, bytes] = [0, 0];
  for await (const original of walkOriginals(deps.catalogue)) {
    signal.throwIfAborted();
    looked += 1;
    bytes += original.sizeBytes;
    const fault = await faultOf(deps.blobs, original, deep);
    const lacksText = original.textKey !== null && (await deps.blobs.size(storedKey(original.textKey))) === null;
    // Beside a running server: a file that was deleted or read again since it was listed has lost nothing.
    if ((fault === null && !lacksText) || !(await isStillThere(deps.catalogue, original))) continue;
    if (fault !== null) wrong.push(`${original.file} (${fault}, ${original.key})`);
    if (lacksText) textless.push(original.file);
  }
  const findings: Finding[] = [];
  if (wrong.length > 0)
    findings.push(
      finding(
        "originals",
        "problem",
        `${wrong.length} originals are lost or damaged: ${some(wrong)}. Copy them back from a backup's blobs folder, or delete the files and upload them again.`,
      ),
    );
  if (textless.length > 0)
    findings.push(
      finding(
        "texts",
        "problem",
        `The kept text of ${some(textless)} is missing: POST /v1/knowledge/files/{id}/reindex makes it again.`,
      ),
    );
  const checked = deep ? "every byte of them compared" : "by their length; --deep compares every byte";
  if (findings.length === 0)
    findings.push(
      finding("originals", "ok", `All ${looked} originals (${bytesInWords(bytes)}) are there, ${checked}.`),
    );
  return findings;
}

/** In words, or null when nothing is wrong. Throws what is an outage rather than a loss. */
async function faultOf(blobs: BlobStore, original: Original, deep: boolean): Promise<string | null> {
  const key = storedKey(original.key);
  const size = await blobs.size(key);
  if (size === null) return "missing";
  if (size !== original.sizeBytes) return `${size} bytes instead of ${original.sizeBytes}`;
  if (!deep) return null;
  try {
    const sha256 = createHash("sha256");
    for await (const chunk of blobs.read(key)) sha256.update(chunk);
    return sha256.digest("hex") === original.sha256 ? null : "changed bytes";
  } catch (error) {
    if (error instanceof BlobStoreError && error.failure !== "full") return "cannot be read";
    throw error;
  }
}
