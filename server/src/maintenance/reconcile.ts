import { AREAS, type Area, type BlobStore, type StoredEntry } from "../blobs/blob-store.ts";
import type { HeldMs } from "../blobs/leftover.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Arrivals } from "../uploads/arrivals.ts";
import { leasedBuilds, referencedKeys, sessionFacts } from "../uploads/sweep.store.ts";
import type { Batch, Chore } from "./chore.ts";
import { isGarbage, type Known, type StoredBlob } from "./garbage.ts";

/**
 * Compares what is stored with what the catalogue says, and removes what is garbage: what a crash, or a step that
 * failed, left behind. Nothing of it is ever seen, so nobody waits for this. The running server and `wharf doctor`
 * call this one code.
 */
export interface ReconcileDeps {
  readonly blobs: BlobStore;
  readonly catalogue: Catalogue;
  readonly arrivals: Pick<Arrivals, "tidy">;
}

export interface ReconcileOptions {
  /** For how long this process alone has been able to write to the store; null: others may. */
  readonly heldMs: () => HeldMs;
  /** Sessions whose originals are left alone: this process receives bytes of them. */
  readonly busy: () => readonly SessionId[];
  /** False only reports. */
  readonly repair: boolean;
}

export interface ReconcileReport {
  readonly looked: number;
  /** Objects, or ends of them, that belong to nothing. */
  readonly garbage: number;
  readonly garbageBytes: number;
  /** Why some of it could not be removed: it is still there, and one such object holds no other up. */
  readonly failures: readonly unknown[];
}

interface Found extends ReconcileReport {
  readonly next: string | null;
}

type BlobArea = Exclude<Area, "segments">;
const BLOB_AREAS: readonly BlobArea[] = ["originals", "text"];

export interface ReconcileChoreDeps extends ReconcileDeps {
  readonly arrivals: Pick<Arrivals, "tidy" | "busy">;
  readonly log: Log;
}

/** The running server's: uploads that are no blobs yet, and a round through each area of blobs. */
export function reconcileChores(deps: ReconcileChoreDeps): readonly Chore[] {
  return [new Reconcile(deps, "segments"), ...BLOB_AREAS.map((area) => new Reconcile(deps, area))];
}

/** Listing a million objects takes minutes, and must not be felt. */
class Reconcile implements Chore {
  readonly name: string;
  readonly everyMs: number;
  readonly share: number = LIMITS.reconcileShare;
  readonly #deps: ReconcileChoreDeps;
  readonly #area: Area;
  readonly #openedAt = performance.now();

  constructor(deps: ReconcileChoreDeps, area: Area) {
    this.name = `reconcile_${area}`;
    // Those are uploads under way: few, and what is left of them takes the room that new ones need.
    this.everyMs = area === "segments" ? LIMITS.reconcileSegmentsEveryMs : LIMITS.reconcileBlobsEveryMs;
    this.#deps = deps;
    this.#area = area;
  }

  async runOnce(position: string | null): Promise<Batch> {
    const heldMs = () => performance.now() - this.#openedAt;
    const options = { heldMs, busy: () => this.#deps.arrivals.busy(), repair: true };
    const { next, failures, ...report } = await reconcilePage(this.#deps, this.#area, position, options);
    const { log } = this.#deps;
    const failed = failures.length;
    const mended = report.garbage - failed;
    if (mended > 0) log.info({ chore: this.name, ...report, failed }, "reconcile removed garbage");
    if (failed > 0)
      log.warn({ chore: this.name, failed, err: failures[0] }, "garbage cannot be removed: the next round tries again");
    return { next, ended: next === null, looked: report.looked, mended, failed };
  }
}

/** All that is stored, at once: for doctor. */
export async function reconcile(
  deps: ReconcileDeps,
  options: ReconcileOptions & { readonly signal: AbortSignal },
): Promise<ReconcileReport> {
  const report = { looked: 0, garbage: 0, garbageBytes: 0 };
  const failures: unknown[] = [];
  for (const area of AREAS) {
    for (let after: string | null = null, more = true; more; ) {
      options.signal.throwIfAborted();
      const page: Found = await reconcilePage(deps, area, after, options);
      report.looked += page.looked;
      report.garbage += page.garbage;
      report.garbageBytes += page.garbageBytes;
      failures.push(...page.failures);
      after = page.next;
      more = after !== null;
    }
  }
  return { ...report, failures };
}

async function reconcilePage(
  deps: ReconcileDeps,
  area: Area,
  after: string | null,
  options: ReconcileOptions,
): Promise<Found> {
  if (area !== "segments") return reconcileBlobs(deps, area, after, options);
  const { repair } = options;
  const { garbage, tails, ...page } = await deps.arrivals.tidy(after, { heldMs: options.heldMs(), repair });
  return { ...page, garbage: garbage + tails };
}

async function reconcileBlobs(
  { blobs, catalogue }: ReconcileDeps,
  area: BlobArea,
  after: string | null,
  options: ReconcileOptions,
): Promise<Found> {
  const { entries, next } = await blobs.list(area, after);
  const garbage = await judge(catalogue, entries.filter(isBlob), options);
  let garbageBytes = 0;
  const failures: unknown[] = [];
  for (const entry of garbage)
    try {
      garbageBytes += entry.kind === "temporary" ? 0 : ((await blobs.size(entry.key)) ?? 0);
      if (options.repair) await blobs.removeEntry(entry);
    } catch (error) {
      failures.push(error);
    }
  return { looked: entries.length, garbage: garbage.length, garbageBytes, failures, next };
}

function isBlob(entry: StoredEntry): entry is StoredBlob {
  return entry.kind !== "segment";
}

/**
 * What a file refers to is settled by one read, and is nearly all. For the rest, the order makes it safe beside
 * requests of this process. The entries were listed first: what was written since is not among them, and what is among
 * them and has no row can get one only through a session that is not over; so sessions are read before files.
 */
async function judge(
  catalogue: Catalogue,
  entries: readonly StoredBlob[],
  options: ReconcileOptions,
): Promise<readonly StoredBlob[]> {
  const heldMs = options.heldMs();
  const needed = await keysOf(catalogue, entries);
  const busy = new Set(options.busy());
  const suspects = entries.filter(
    (entry) => !("session" in entry && busy.has(entry.session)) && !("key" in entry && needed.has(entry.key)),
  );
  if (suspects.length === 0) return [];
  // Builds first: one that ends between the two reads is then a text that its file refers to.
  const builds = await catalogue.run(leasedBuilds, {});
  const facts = await catalogue.run(sessionFacts, { ids: sessionsOf(suspects) });
  const known: Known = {
    sessions: new Map(facts.map((fact) => [fact.id, fact])),
    keys: await keysOf(catalogue, suspects),
    builds: new Set(builds),
  };
  return suspects.filter((entry) => isGarbage(entry, known, heldMs));
}

/** Of these entries, the blobs that a file refers to. */
async function keysOf(catalogue: Catalogue, entries: readonly StoredBlob[]): Promise<ReadonlySet<string>> {
  const sessions = sessionsOf(entries.filter((entry) => entry.kind === "original"));
  const files = [...new Set(entries.flatMap((entry) => (entry.kind === "text" ? [entry.file] : [])))];
  if (sessions.length + files.length === 0) return new Set();
  return new Set(await catalogue.run(referencedKeys, { sessions, files }));
}

function sessionsOf(entries: readonly StoredBlob[]): readonly SessionId[] {
  return [...new Set(entries.flatMap((entry) => ("session" in entry ? [entry.session] : [])))];
}
