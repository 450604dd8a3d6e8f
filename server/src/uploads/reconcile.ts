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
  /** Segments that went on behind their record. */
  readonly tails: number;
  /** Of garbage and tails. */
  readonly garbageBytes: number;
}

/** Entries judged with one look at the catalogue. */
const BATCH = 500;

export async function reconcile(deps: ReconcileDeps, options: ReconcileOptions): Promise<ReconcileReport> {
  const garbage = { segment: 0, original: 0, text: 0, temporary: 0 };
  let looked = 0;
  let garbageBytes = 0;
  let tails = 0;
  const judgeBatch = async (batch: readonly StoredEntry[]) => {
    looked += batch.length;
    const found = await garbageIn(deps, batch, options);
    for (const entry of found.garbage) {
      garbage[entry.kind] += 1;
      garbageBytes += entry.kind === "temporary" ? 0 : entry.bytes;
      if (options.repair) await deps.blobs.removeEntry(entry);
    }
    for (const { session, epoch, keptBytes, bytes } of found.tails) {
      tails += 1;
      garbageBytes += bytes - keptBytes;
      if (options.repair) await deps.blobs.cutSegment(session, epoch, keptBytes);
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
  return { looked, garbage, tails, garbageBytes };
}

/**
 * The entries were listed before the catalogue is asked: what was published since is not among them, and what is among them and has no
 * row can get one only through a session that is not over.
 */
async function garbageIn(
  { catalogue }: ReconcileDeps,
  batch: readonly StoredEntry[],
  options: ReconcileOptions,
): Promise<{ readonly garbage: readonly StoredEntry[]; readonly tails: readonly Tail[] }> {
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
  const idle = batch.filter((entry) => !("session" in entry && busy.has(entry.session)));
  return {
    garbage: idle.filter((entry) => isGarbage(entry, known, options.nobodyWrites)),
    tails: idle.flatMap((entry) => tailOf(entry, known, options.nobodyWrites) ?? []),
  };
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
  return isOver(epoch, session, nobodyWrites);
}

type StoredSegment = StoredEntry & { readonly kind: "segment" };
type Tail = StoredSegment & { readonly keptBytes: number };

/** Pure: a segment that went on behind its record when its request or its process ended; null when it did not, or still may be recorded. */
export function tailOf(entry: StoredEntry, known: Known, nobodyWrites: boolean): Tail | null {
  if (entry.kind !== "segment") return null;
  const session = known.sessions.get(entry.session);
  const listed = session?.segments.find((segment) => segment.epoch === entry.epoch);
  if (session === undefined || listed === undefined || hasEnded(session) || entry.bytes <= listed.bytes) return null;
  return isOver(entry.epoch, session, nobodyWrites) ? { ...entry, keptBytes: listed.bytes } : null;
}

/** An older writer's unlisted bytes can no longer be recorded once the winner has recorded; the current writer's may be, any moment. */
function isOver(epoch: number, session: SessionFacts, nobodyWrites: boolean): boolean {
  const winnerRecorded = session.segments.some((segment) => segment.epoch === session.writerEpoch);
  return nobodyWrites || (epoch < session.writerEpoch && winnerRecorded);
}
