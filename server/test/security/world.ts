import type { Random } from "../support/random.ts";

/** A session whose URL is known. */
export interface KnownSession {
  readonly id: string;
  readonly url: string;
  readonly sizeBytes: number;
}

export type IdKind = "sess" | "file" | "task" | "bucket";

/** Old ones are forgotten: a run of 100 000 requests stays small. */
const REMEMBERED = 40;

/** What a client of one team has learnt from the answers that it got. */
export class World {
  readonly sessions: KnownSession[] = [];
  readonly etags: string[] = [];
  readonly cursors: string[] = [];
  readonly #ids: Readonly<Record<IdKind, string[]>> = { sess: [], file: [], task: [], bucket: [] };
  /** Every id that was ever seen, to tell teams apart. */
  readonly #all = new Set<string>();

  ids(kind: IdKind): readonly string[] {
    return this.#ids[kind];
  }

  knows(id: string): boolean {
    return this.#all.has(id);
  }

  learn(text: string): void {
    for (const [id = "", kind] of text.matchAll(ID)) {
      const known = kindOf(kind);
      if (known === null || this.#all.has(id)) continue;
      this.#all.add(id);
      remember(this.#ids[known], id);
    }
  }

  learnSession(session: KnownSession): void {
    remember(this.sessions, session);
  }

  learnEtag(etag: string): void {
    remember(this.etags, etag);
  }

  learnCursor(cursor: string): void {
    remember(this.cursors, cursor);
  }
}

/** As server/src/ids.ts makes them. */
export const ID = /\b(sess|file|task|bucket)_[0-9a-hjkmnp-tv-z]{26}\b/g;

function kindOf(text: string | undefined): IdKind | null {
  return text === "sess" || text === "file" || text === "task" || text === "bucket" ? text : null;
}

function remember<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > REMEMBERED) list.shift();
}

/** One of them; undefined when there is none. */
export function oneOf<T>(random: Random, values: readonly T[]): T | undefined {
  return values[random.integer(0, Math.max(0, values.length - 1))];
}

export function chance(random: Random, share: number): boolean {
  return random.next() < share;
}
