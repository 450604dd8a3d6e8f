import type { BlobStore, StoredEntry } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { FileId, SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { leasedBuilds, referencedKeys, type SessionFacts, sessionFacts } from "./sweep.store.ts";

/**
 * Compares what is stored with what the catalogue says, and names what is garbage: what a crash left behind. Start-up, the sweeper and
 * `wharf doctor` call this one code. It is careful in one direction: what might still become part of a file stays (design §2).
 */
export interface ReconcileDeps {
  readonly blobs: BlobStore;
  readonly catalogue: Catalogue;
}

export interface ReconcileOptions {
  /** Nobody writes now: the embedded server at its start, which holds the lock and has not begun to listen. */
  readonly nobodyWrites: boolean;
  /** Sessions that are left alone: a data request of this process writes them. */
  readonly busy: () => readonly SessionId[];
  /** False only reports. */
  readonly repair: boolean;
  /** Aborted: the round ends with what it has listed. A million files take minutes, and a stop must not wait for them. */
  readonly signal?: AbortSignal;
}

export interface ReconcileReport {
  readonly looked: number;
  readonly garbage: Readonly<Record<StoredEntry["kind"], number>>;
  readonly garbageBytes: number;
}

/** Entries judged with one look at the catalogue. */
const BATCH = 500;

export async function reconcile(deps: ReconcileDeps, options: ReconcileOptions): Promise<ReconcileReport> {
  const garbage = { segment: 0, original: 0, text: 0, temporary: 0 };
  let looked = 0;
  let garbageBytes = 0;
  const judgeBatch = async (batch: readonly StoredEntry[]) => {
    looked += batch.length;
    for (const entry of await garbageIn(deps, batch, options)) {
      garbage[entry.kind] += 1;
      garbageBytes += entry.kind === "temporary" ? 0 : entry.bytes;
      if (options.repair) await deps.blobs.removeEntry(entry);
    }
  };
  let batch: StoredEntry[] = [];
  for await (const entry of deps.blobs.list()) {
    if (options.signal?.aborted) break;
    batch.push(entry);
    if (batch.length < BATCH) continue;
    await judgeBatch(batch);
    batch = [];
  }
  await judgeBatch(batch);
  return { looked, garbage, garbageBytes };
}

/**
 * The entries were listed before the catalogue is asked: what was published since is not among them, and what is among them and has no
 * row can get one only through a session that is not over.
 */
async function garbageIn(
  { catalogue }: ReconcileDeps,
  batch: readonly StoredEntry[],
  options: ReconcileOptions,
): Promise<readonly StoredEntry[]> {
  const sessions = new Set<SessionId>();
  const files = new Set<FileId>();
  for (const entry of batch) {
    if (entry.kind === "segment" || entry.kind === "original") sessions.add(entry.session);
    if (entry.kind === "text") files.add(entry.file);
  }
  // Builds first: one that ends between the two reads is then a text that its file refers to.
  const builds = new Set(await catalogue.run(leasedBuilds, {}));
  const facts = await catalogue.run(sessionFacts, { ids: [...sessions] });
  const known: Known = {
    sessions: new Map(facts.map((fact) => [fact.id, fact])),
    keys: new Set(await catalogue.run(referencedKeys, { sessions: [...sessions], files: [...files] })),
    builds,
  };
  const busy = new Set(options.busy());
  return batch.filter((entry) => {
    if ((entry.kind === "segment" || entry.kind === "original") && busy.has(entry.session)) return false;
    return isGarbage(entry, known, options.nobodyWrites);
  });
}

export interface Known {
  readonly sessions: ReadonlyMap<SessionId, SessionFacts>;
  readonly keys: ReadonlySet<string>;
  readonly builds: ReadonlySet<string>;
}

/** Pure: whether nothing can ever need the entry again. */
export function isGarbage(entry: StoredEntry, known: Known, nobodyWrites: boolean): boolean {
  switch (entry.kind) {
    case "temporary":
      return nobodyWrites || entry.ageMs > LIMITS.temporaryMaxAgeMs;
    case "text":
      return !known.keys.has(entry.key) && !known.builds.has(entry.build);
    case "original":
      return !known.keys.has(entry.key) && hasEnded(known.sessions.get(entry.session));
    case "segment":
      return isGarbageSegment(entry.epoch, known.sessions.get(entry.session), nobodyWrites);
  }
}

/** A session without a row is over: the row is there before the first byte, and goes only after the end. */
function hasEnded(session: SessionFacts | undefined): boolean {
  return session === undefined || (session.state !== "open" && session.state !== "received");
}

function isGarbageSegment(epoch: number, session: SessionFacts | undefined, nobodyWrites: boolean): boolean {
  if (session === undefined || hasEnded(session)) return true;
  if (session.segments.some((segment) => segment.epoch === epoch)) return false;
  // An older writer's unlisted bytes can no longer be recorded once the winner has recorded; the current writer's may be, any moment.
  const winnerRecorded = session.segments.some((segment) => segment.epoch === session.writerEpoch);
  return nobodyWrites || (epoch < session.writerEpoch && winnerRecorded);
}
