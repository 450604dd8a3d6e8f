import { WharfError } from "../errors.ts";
import type { CredentialId, TeamId } from "../ids.ts";
import type { Holder } from "./places.ts";

/** The client left before its turn came: nobody waits for an answer, and nothing was done. */
export class ClientGoneError extends WharfError {
  constructor() {
    super("overloaded", { message: "The client left before its turn came." });
  }
}

export interface TurnsOptions {
  /** Pieces of work at once … */
  readonly atOnce: number;
  /** … and of one team. Fewer than `atOnce` leaves room for another team at any time. */
  readonly atOnceOfTeam: number;
}

/**
 * Work that only so much of can be done at once, in fair turns: teams one after another, and within a team its keys.
 * What a client no longer waits for leaves the line and is never begun. Whoever joins holds one of some Places, which
 * bound the line.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #line = new Line();
  readonly #working = new Map<TeamId, number>();
  #all = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Does the work when it is the holder's turn. Throws ClientGoneError, and what the work throws. */
  async run<T>(holder: Holder, gone: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#myTurn(holder, gone);
    try {
      return await work();
    } finally {
      this.#count(holder.teamId, -1);
      this.#beginNext();
    }
  }

  #myTurn(holder: Holder, gone: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (gone.aborted) return reject(new ClientGoneError());
      const begin = () => {
        gone.removeEventListener("abort", drop);
        resolve();
      };
      const drop = () => {
        leaveLine();
        reject(new ClientGoneError());
      };
      const leaveLine = this.#line.join(holder, begin);
      gone.addEventListener("abort", drop);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    if (this.#all >= this.#options.atOnce) return;
    const next = this.#line.next((teamId) => (this.#working.get(teamId) ?? 0) < this.#options.atOnceOfTeam);
    if (next === null) return;
    this.#count(next.teamId, 1);
    next.begin();
  }

  #count(teamId: TeamId, by: 1 | -1): void {
    this.#all += by;
    const working = (this.#working.get(teamId) ?? 0) + by;
    if (working === 0) this.#working.delete(teamId);
    else this.#working.set(teamId, working);
  }
}

type Begin = () => void;
type KeyLine = Set<Begin>;
type TeamLine = Map<CredentialId | null, KeyLine>;

/**
 * Who waits. A Map keeps its order: the first is served, and goes to the end while it has more. A step looks at no more
 * teams than work at once, however many wait.
 */
class Line {
  readonly #teams = new Map<TeamId, TeamLine>();

  /** Returns the way out of the line. */
  join({ teamId, keyId }: Holder, begin: Begin): () => void {
    const team: TeamLine = this.#teams.get(teamId) ?? new Map();
    const key: KeyLine = team.get(keyId) ?? new Set();
    this.#teams.set(teamId, team);
    team.set(keyId, key);
    key.add(begin);
    return () => this.#takeOut(teamId, team, keyId, key, begin);
  }

  /** Takes out whose turn it is among the teams that `may`; null = nobody's. */
  next(may: (teamId: TeamId) => boolean): { readonly teamId: TeamId; readonly begin: Begin } | null {
    for (const [teamId, team] of this.#teams) {
      if (!may(teamId)) continue;
      for (const [keyId, key] of team) {
        for (const begin of key) {
          toTheEnd(this.#teams, teamId, team);
          toTheEnd(team, keyId, key);
          this.#takeOut(teamId, team, keyId, key, begin);
          return { teamId, begin };
        }
      }
    }
    return null;
  }

  #takeOut(teamId: TeamId, team: TeamLine, keyId: CredentialId | null, key: KeyLine, begin: Begin): void {
    key.delete(begin);
    if (key.size === 0 && team.get(keyId) === key) team.delete(keyId);
    if (team.size === 0 && this.#teams.get(teamId) === team) this.#teams.delete(teamId);
  }
}

function toTheEnd<K, V>(line: Map<K, V>, name: K, value: V): void {
  line.delete(name);
  line.set(name, value);
}
