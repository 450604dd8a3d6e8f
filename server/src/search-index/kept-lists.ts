import { type Postings, postingsBytes } from "./posting-list.ts";

/**
 * Lists that a reading thread keeps from one query to the next, of all teams within one bound. Nothing here knows
 * whether a list is still true: who keeps one says when its file has changed (fts5-rank.ts).
 */
export class KeptLists {
  readonly #mostBytes: number;
  readonly #teams = new Set<TeamLists>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Of a file that was opened; `clear` it when that is closed. */
  ofTeam(): TeamLists {
    return new TeamLists((lists) => {
      if (lists.bytes > 0) this.#teams.add(lists);
      else this.#teams.delete(lists);
      this.#makeRoom();
    });
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#teams) sum += bytes;
    return sum;
  }

  /** From the team that has most, so that each of n teams has an n-th of the room if it wants that. */
  #makeRoom(): void {
    for (let surplus = this.bytes - this.#mostBytes; surplus > 0; ) {
      const [first, ...others] = this.#teams;
      if (first === undefined) return;
      surplus -= others.reduce((most, team) => (team.bytes > most.bytes ? team : most), first).dropOldest();
    }
  }
}

/** Those of one team's file, the one that was asked for last at the end. */
export class TeamLists {
  readonly #lists = new Map<string, Postings>();
  readonly #changed: (lists: TeamLists) => void;
  #bytes = 0;

  constructor(changed: (lists: TeamLists) => void) {
    this.#changed = changed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(term: string): Postings | undefined {
    const found = this.#lists.get(term);
    if (found === undefined) return undefined;
    this.#lists.delete(term);
    this.#lists.set(term, found);
    return found;
  }

  keep(term: string, postings: Postings): void {
    const before = this.#lists.get(term);
    if (before !== undefined) this.#bytes -= postingsBytes(before);
    this.#lists.set(term, postings);
    this.#bytes += postingsBytes(postings);
    this.#changed(this);
  }

  clear(): void {
    this.#lists.clear();
    this.#bytes = 0;
    this.#changed(this);
  }

  /** Its bytes. */
  dropOldest(): number {
    const [oldest] = this.#lists;
    if (oldest === undefined) return 0;
    const [term, postings] = oldest;
    this.#lists.delete(term);
    const bytes = postingsBytes(postings);
    this.#bytes -= bytes;
    return bytes;
  }
}
