export interface TeamTurnsOptions {
  /** Documents of one team that are read at once … */
  readonly atOnce: number;
  /** … unless one has waited for so long. */
  readonly patienceMs: number;
}

/** What has a turn says so when it is over; twice is harmless. */
export type TurnEnds = () => void;

/**
 * Documents of one team wait a moment for each other instead of being read all at once. More readers than cores read no
 * faster, and each more reader has to be started, loads the same formats and compiles the same code: a second of
 * processor time until it is as quick as the one before it. A folder of 1 000 documents took twice the processor time
 * with eight readers that it takes with two.
 *
 * Only a moment: a document that must not wait for long ones is read beside them. Teams do not wait for each other here.
 */
export class TeamTurns {
  readonly #options: TeamTurnsOptions;
  readonly #teams = new Map<string, Team>();

  constructor(options: TeamTurnsOptions) {
    this.#options = options;
  }

  /** Rejects with the signal's reason when it is aborted first. */
  begin(teamId: string, signal: AbortSignal): Promise<TurnEnds> {
    const team = this.#teams.get(teamId) ?? { reading: 0, waiting: new Set() };
    this.#teams.set(teamId, team);
    const { promise, resolve, reject } = Promise.withResolvers<TurnEnds>();
    const leave = () => {
      clearTimeout(patience);
      signal.removeEventListener("abort", abandon);
      team.waiting.delete(enter);
    };
    const enter = () => {
      leave();
      team.reading += 1;
      resolve(this.#turn(teamId, team));
    };
    const abandon = () => {
      leave();
      this.#forgetIdle(teamId, team);
      reject(signal.reason);
    };
    const patience = setTimeout(enter, this.#options.patienceMs).unref();
    signal.addEventListener("abort", abandon, { once: true });
    if (signal.aborted) abandon();
    else if (team.reading < this.#options.atOnce) enter();
    else team.waiting.add(enter);
    return promise;
  }

  #turn(teamId: string, team: Team): TurnEnds {
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      team.reading -= 1;
      const [next] = team.waiting;
      if (team.reading < this.#options.atOnce) next?.();
      this.#forgetIdle(teamId, team);
    };
  }

  #forgetIdle(teamId: string, { reading, waiting }: Team): void {
    if (reading === 0 && waiting.size === 0) this.#teams.delete(teamId);
  }
}

interface Team {
  reading: number;
  /** How each of them begins; the one that has waited longest stands first. */
  readonly waiting: Set<() => void>;
}
