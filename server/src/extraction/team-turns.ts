/** What has a turn says so when it is over; twice is harmless. */
export type EndTurn = () => void;

/**
 * Documents of one team wait for each other instead of being read all at once. More readers than cores read no faster,
 * and each more reader has to be started, loads the same formats and compiles the same code: a second of processor time
 * until it is as quick as the one before it. A folder of 1 000 documents took twice the processor time with eight
 * readers that it takes with two.
 *
 * For short ones only: who turns out to be longer ends its turn, and the next one is read beside it. Teams do not wait
 * for each other here.
 */
export class TeamTurns {
  readonly #atOnce: number;
  readonly #teams = new Map<string, Team>();

  /** `atOnce`: turns of one team. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** In order of arrival. Rejects with the signal's reason when it is aborted first. */
  begin(teamId: string, signal: AbortSignal): Promise<EndTurn> {
    const team = this.#teams.get(teamId) ?? { turns: 0, waiting: new Set() };
    this.#teams.set(teamId, team);
    const { promise, resolve, reject } = Promise.withResolvers<EndTurn>();
    const enter = () => {
      signal.removeEventListener("abort", abandon);
      team.waiting.delete(enter);
      team.turns += 1;
      resolve(this.#turn(teamId, team));
    };
    const abandon = () => {
      team.waiting.delete(enter);
      this.#forgetIdle(teamId, team);
      reject(signal.reason);
    };
    if (signal.aborted) abandon();
    else if (team.turns < this.#atOnce) enter();
    else {
      team.waiting.add(enter);
      signal.addEventListener("abort", abandon, { once: true });
    }
    return promise;
  }

  #turn(teamId: string, team: Team): EndTurn {
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      team.turns -= 1;
      const [next] = team.waiting;
      next?.();
      this.#forgetIdle(teamId, team);
    };
  }

  #forgetIdle(teamId: string, { turns, waiting }: Team): void {
    if (turns === 0 && waiting.size === 0) this.#teams.delete(teamId);
  }
}

interface Team {
  turns: number;
  /** How each of them begins; the one that has waited longest stands first. */
  readonly waiting: Set<() => void>;
}
