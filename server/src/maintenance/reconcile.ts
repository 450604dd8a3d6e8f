import { AREAS, type Area, type BlobStore, type StoredEntry } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { leasedBuilds, referencedKeys, sessionFacts } from "../uploads/sweep.store.ts";
import type { Batch, Chore } from "./chore.ts";
import { type HeldMs, isGarbage, type Known, type Tail, tailOf } from "./garbage.ts";

/**
 * Compares what is stored with what the catalogue says, and removes what is garbage: what a crash, or a step that
 * failed, left behind. Nothing of it is ever seen, so nobody waits for this. The running server and `wharf doctor`
 * call this one code.
 */
export interface ReconcileDeps {
  readonly blobs: BlobStore;
  readonly catalogue: Catalogue;
}

export interface ReconcileOptions {
  /** For how long this process alone has been able to write to the store; null: others may. */
  readonly heldMs: () => HeldMs;
  /** Sessions that are left alone: a data request of this process writes them. */
  readonly busy: () => readonly SessionId[];
  /** False only reports. */
  readonly repair: boolean;
}

export interface ReconcileReport {
  looked: number;
  readonly garbage: Record<StoredEntry["kind"], number>;
  /** Segments that went on behind their record. */
  tails: number;
  /** Of garbage and tails. */
  garbageBytes: number;
}

/**
 * The running server's: a round through one area of the store. Listing a million objects takes minutes, and must not
 * be felt.
 */
export class Reconcile implements Chore {
  readonly name: string;
  readonly everyMs: number;
  readonly share: number = LIMITS.reconcileShare;
  readonly #deps: ReconcileDeps & { readonly log: Log };
  readonly #area: Area;
  readonly #busy: () => readonly SessionId[];
  readonly #openedAt = performance.now();

  constructor(deps: ReconcileDeps & { readonly log: Log }, area: Area, busy: () => readonly SessionId[]) {
    this.name = `reconcile_${area}`;
    // Segments are those of uploads under way: few, and what is left of them takes the room that new ones need.
    this.everyMs = area === "segments" ? LIMITS.reconcileSegmentsEveryMs : LIMITS.reconcileBlobsEveryMs;
    this.#deps = deps;
    this.#area = area;
    this.#busy = busy;
  }

  async runOnce(position: string | null): Promise<Batch> {
    const { entries, next } = await this.#deps.blobs.list(this.#area, position);
    const heldMs = () => performance.now() - this.#openedAt;
    const report = emptyReport();
    await reconcileEntries(this.#deps, entries, { heldMs, busy: this.#busy, repair: true }, report);
    const mended = garbageIn(report);
    if (mended > 0) this.#deps.log.info({ chore: this.name, ...report }, "reconcile removed garbage");
    return { next, ended: next === null, looked: entries.length, mended };
  }
}

/** All that is stored, at once: for doctor. */
export async function reconcile(
  deps: ReconcileDeps,
  options: ReconcileOptions & { readonly signal: AbortSignal },
): Promise<ReconcileReport> {
  const report = emptyReport();
  for (const area of AREAS) {
    for (let after: string | null = null, more = true; more; ) {
      options.signal.throwIfAborted();
      const page: Awaited<ReturnType<BlobStore["list"]>> = await deps.blobs.list(area, after);
      await reconcileEntries(deps, page.entries, options, report);
      after = page.next;
      more = after !== null;
    }
  }
  return report;
}

/** Objects that belong to nothing, and ends of segments. */
export function garbageIn({ garbage, tails }: ReconcileReport): number {
  return Object.values(garbage).reduce((sum, count) => sum + count, tails);
}

function emptyReport(): ReconcileReport {
  return { looked: 0, garbage: { segment: 0, original: 0, text: 0, temporary: 0 }, tails: 0, garbageBytes: 0 };
}

/** Adds to `report` what it found. */
async function reconcileEntries(
  deps: ReconcileDeps,
  entries: readonly StoredEntry[],
  options: ReconcileOptions,
  report: ReconcileReport,
): Promise<void> {
  report.looked += entries.length;
  const found = await judge(deps, entries, options);
  for (const entry of found.garbage) {
    report.garbage[entry.kind] += 1;
    report.garbageBytes += await bytesOf(deps.blobs, entry);
    if (options.repair) await deps.blobs.removeEntry(entry);
  }
  for (const { session, epoch, keptBytes, bytes } of found.tails) {
    report.tails += 1;
    report.garbageBytes += bytes - keptBytes;
    if (options.repair) await deps.blobs.cutSegment(session, epoch, keptBytes);
  }
}

async function bytesOf(blobs: BlobStore, entry: StoredEntry): Promise<number> {
  if (entry.kind === "segment") return entry.bytes;
  return entry.kind === "temporary" ? 0 : ((await blobs.size(entry.key)) ?? 0);
}

/**
 * What a file refers to is settled by one read, and is nearly all. For the rest, the order makes it safe beside requests of
 * this process. The entries were listed first: what was written since is not among them, and what is among them and has no
 * row can get one only through a session that is not over; so sessions are read before files. Before that it is seen who
 * writes: a request that has ended by then has recorded what it ever will, and the catalogue, read after that, lists it. One
 * that begins later writes a segment of an epoch of its own.
 */
async function judge(
  { catalogue }: ReconcileDeps,
  entries: readonly StoredEntry[],
  options: ReconcileOptions,
): Promise<{ readonly garbage: readonly StoredEntry[]; readonly tails: readonly Tail[] }> {
  const heldMs = options.heldMs();
  const needed = await keysOf(catalogue, entries);
  const busy = new Set(options.busy());
  const suspects = entries.filter(
    (entry) => !("session" in entry && busy.has(entry.session)) && !("key" in entry && needed.has(entry.key)),
  );
  if (suspects.length === 0) return { garbage: [], tails: [] };
  // Builds first: one that ends between the two reads is then a text that its file refers to.
  const builds = await catalogue.run(leasedBuilds, {});
  const facts = await catalogue.run(sessionFacts, { ids: sessionsOf(suspects) });
  const known: Known = {
    sessions: new Map(facts.map((fact) => [fact.id, fact])),
    keys: await keysOf(catalogue, suspects),
    builds: new Set(builds),
  };
  return {
    garbage: suspects.filter((entry) => isGarbage(entry, known, heldMs)),
    tails: suspects.flatMap((entry) => tailOf(entry, known, heldMs) ?? []),
  };
}

/** Of these entries, the blobs that a file refers to. */
async function keysOf(catalogue: Catalogue, entries: readonly StoredEntry[]): Promise<ReadonlySet<string>> {
  const sessions = sessionsOf(entries.filter((entry) => entry.kind === "original"));
  const files = [...new Set(entries.flatMap((entry) => (entry.kind === "text" ? [entry.file] : [])))];
  if (sessions.length + files.length === 0) return new Set();
  return new Set(await catalogue.run(referencedKeys, { sessions, files }));
}

function sessionsOf(entries: readonly StoredEntry[]): readonly SessionId[] {
  return [...new Set(entries.flatMap((entry) => ("session" in entry ? [entry.session] : [])))];
}
