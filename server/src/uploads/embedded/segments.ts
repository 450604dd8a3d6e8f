import type { SegmentedStore, StoredEntry } from "../../blobs/blob-store.ts";
import { type HeldMs, isLeftover } from "../../blobs/leftover.ts";
import type { Catalogue } from "../../catalogue/catalogue.ts";
import type { SessionId } from "../../ids.ts";
import type { Arrivals, Tidied, TidyOptions } from "../arrivals.ts";
import { sessionFacts } from "../sweep.store.ts";
import { isGarbageSegment, type StoredSegment, type Tail, tailOf } from "./segment-garbage.ts";

export interface SegmentsDeps {
  readonly catalogue: Catalogue;
  readonly blobs: SegmentedStore;
}

/**
 * What lies on the disk of uploads that are no originals yet, whoever receives them: a server tidies it beside its
 * end-point, and `wharf doctor` without one.
 */
export class Segments implements Pick<Arrivals, "tidy"> {
  readonly #deps: SegmentsDeps;
  readonly #busy: () => readonly SessionId[];

  /** `busy`: sessions that are left alone, because a data request of this process writes them. */
  constructor(deps: SegmentsDeps, busy: () => readonly SessionId[] = () => []) {
    this.#deps = deps;
    this.#busy = busy;
  }

  async tidy(after: string | null, { heldMs, repair }: TidyOptions): Promise<Tidied> {
    const { blobs } = this.#deps;
    const { entries, next } = await blobs.list("segments", after);
    const { garbage, tails } = await this.#judge(entries, heldMs);
    let garbageBytes = 0;
    const failures: unknown[] = [];
    for (const entry of garbage) {
      garbageBytes += entry.kind === "segment" ? entry.bytes : 0;
      if (repair) await blobs.removeEntry(entry).catch((error: unknown) => failures.push(error));
    }
    for (const { session, epoch, keptBytes, bytes } of tails) {
      garbageBytes += bytes - keptBytes;
      if (repair) await blobs.cutSegment(session, epoch, keptBytes).catch((error: unknown) => failures.push(error));
    }
    return { looked: entries.length, garbage: garbage.length, tails: tails.length, garbageBytes, failures, next };
  }

  /**
   * The order makes it safe beside requests of this process. The page was listed first; then it is seen who writes: a
   * request that has ended by then has recorded what it ever will, and the catalogue, read after that, lists it. One
   * that begins later writes a segment of an epoch of its own.
   */
  async #judge(entries: readonly StoredEntry[], heldMs: HeldMs) {
    const busy = new Set(this.#busy());
    const segments = entries.filter((entry): entry is StoredSegment => entry.kind === "segment");
    const suspects = segments.filter(({ session }) => !busy.has(session));
    const ids = [...new Set(suspects.map(({ session }) => session))];
    const facts = ids.length === 0 ? [] : await this.#deps.catalogue.run(sessionFacts, { ids });
    const known = new Map(facts.map((fact) => [fact.id, fact]));
    const garbage: StoredEntry[] = entries.filter((entry) => entry.kind === "temporary" && isLeftover(entry, heldMs));
    const tails: Tail[] = [];
    for (const entry of suspects) {
      const session = known.get(entry.session);
      const tail = tailOf(entry, session, heldMs);
      if (tail !== null) tails.push(tail);
      if (isGarbageSegment(entry, session, heldMs)) garbage.push(entry);
    }
    return { garbage, tails };
  }
}
