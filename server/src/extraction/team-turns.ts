/** A document's turn. */
export interface Turn {
  /** Its reader is there: from now on its time counts. */
  reads(): void;
  /** It is over; twice is harmless. */
  end(): void;
}

export interface TeamTurnsOptions {
  /** Turns of one team at once. */
  readonly atOnce: number;
  /** A turn is over when its document has been read for so long, though it still is: asked for when reading begins. */
  readonly turnMs: (teamId: string) => number;
}

/**
 * Documents of one team take turns instead of being read all at once. More readers than cores read no faster, and each
 * more reader has to be started, loads the same formats and compiles the same code: a second of processor time until it
 * is as quick as the one before it. A folder of 1 000 documents took twice the processor time with eight readers that
 * it takes with two.
 *
 * Turns are short: what is read for longer goes on beside the next ones, which do not wait for it. What waits for a
 * reader to start is not read yet: when that counted, the next one began beside it and had another reader started, and
 * a folder began with as many as there are places. Teams do not wait for each other here.
 */
export class TeamTurns {
  readonly #options: TeamTurnsOptions;
  readonly #teams = new Map<string, Team>();

  constructor(options: TeamTurnsOptions) {
    this.#options = options;
  }

  /** In order of arrival. Rejects with the signal's reason when it is aborted first. */
  begin(teamId: string, signal: AbortSignal): Promise<Turn> {
    const team = this.#teams.get(teamId) ?? { turns: 0, waiting: new Set() };
    this.#teams.set(teamId, team);
    const { promise, resolve, reject } = Promise.withResolvers<Turn>();
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
    else if (team.turns < this.#options.atOnce) enter();
    else {
      team.waiting.add(enter);
      signal.addEventListener("abort", abandon, { once: true });
    }
    return promise;
  }

  #turn(teamId: string, team: Team): Turn {
    let hasEnded = false;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(timer);
      team.turns -= 1;
      const [next] = team.waiting;
      next?.();
      this.#forgetIdle(teamId, team);
    };
    const reads = () => {
      if (!hasEnded) timer ??= setTimeout(end, this.#options.turnMs(teamId)).unref();
    };
    return { reads, end };
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
