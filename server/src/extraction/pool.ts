import { availableParallelism } from "node:os";
import type { SandboxMode } from "../config.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { type BudgetLimits, DOCUMENT_LIMITS } from "./budget.ts";
import { ExtractionChild, type Launch } from "./child-process.ts";
import { readOne } from "./document-run.ts";
import {
  type ExtractionEvent,
  type ExtractionOptions,
  type ExtractionSource,
  type Extractor,
  ExtractorTrouble,
} from "./extractor.ts";
import { FreshChildren } from "./fresh-children.ts";
import { Lanes, type Pace, paceOf } from "./lanes.ts";
import { loadReaderCode } from "./reader-code.ts";
import { ReaderUsers } from "./reader-users.ts";
import { APP_ROOT, type Jail, type JailOptions, jailsToTry } from "./sandbox.ts";
import { Spawner } from "./spawner.ts";
import { TeamChildren } from "./team-children.ts";
import { TeamTurns } from "./team-turns.ts";

export interface PoolOptions {
  /** Places of the fast lane, config.workers. The slow lane has as many as the machine has cores. */
  readonly places: number;
  readonly log: Log;
  /** Default: the strongest jail that is to be had here. */
  readonly sandbox?: SandboxMode;
  /** The jails to try, the strongest first; tests choose one. */
  readonly jails?: (options: JailOptions) => Iterable<Jail>;
  /** Folder that holds `server/` and `node_modules/`. */
  readonly appRoot?: string;
  /** Script that the children run; tests give their own, with `readable` for its folder. */
  readonly entry?: string;
  readonly readable?: readonly string[];
  readonly limits?: BudgetLimits;
  /** Default: this machine's, as the start of the first child shows it. */
  readonly pace?: Pace;
}

/**
 * The Extractor port on jailed child processes. A trial child shows at start which jail this machine gives; the log
 * says how strong it is. Children are used again, for the same team, until they trapped or are worn out, those that
 * stay slowed down in the slow lane; fresh ones are kept warm, because a start takes 30 ms of processor time. Throws
 * ExtractorTrouble when no child can be started at all.
 */
export async function createExtractionPool(options: PoolOptions): Promise<Extractor> {
  const { appRoot = APP_ROOT, entry = `${appRoot}/server/src/extraction/child.ts`, limits = DOCUMENT_LIMITS } = options;
  const { sandbox = "reduced", readable = [], jails = jailsToTry, log } = options;
  const code = await loadReaderCode(entry, log);
  const { launch, child } = await tryJails(jails({ mode: sandbox, appRoot, entry, readable }), code, log);
  const { strength, inForce, missing } = launch.jail.isolation;
  const say = { strength, by: launch.jail.by, in_force: inForce, missing };
  if (strength === "full") log.info(say, "extraction children are fully jailed");
  else log.warn(say, "extraction children are not fully jailed on this machine");
  const pace = options.pace ?? paceOf(child.usage()?.cpuMs ?? LIMITS.childStartCpuMs);
  const pool = new ExtractionPool(launch, limits, options.places, pace);
  pool.adopt(child);
  return pool;
}

/** The first one that works, with its first child. */
async function tryJails(
  jails: Iterable<Jail>,
  code: Buffer,
  log: Log,
): Promise<{ launch: Launch; child: ExtractionChild }> {
  let cause: unknown;
  for (const jail of jails) {
    const spawner = new Spawner(log, jail.spawner);
    const users = jail.users === null ? null : new ReaderUsers(jail.users, process.pid);
    const launch = { spawner, jail, users, code };
    try {
      return { launch, child: await ExtractionChild.start(launch) };
    } catch (error) {
      cause = error;
      log.debug({ err: error, by: jail.by, missing: jail.isolation.missing }, "a jail does not work on this machine");
      await spawner.close();
    }
  }
  throw new ExtractorTrouble("No extraction child can be started on this machine.", { cause });
}

class ExtractionPool implements Extractor {
  readonly #launch: Launch;
  readonly #limits: BudgetLimits;
  readonly #pace: Pace;
  readonly #lanes: Lanes;
  readonly #fresh = new FreshChildren(() => this.#start(), LIMITS.childSpares);
  readonly #used: TeamChildren<ExtractionChild>;
  readonly #alive = new Set<ExtractionChild>();
  readonly #closing = new AbortController();

  constructor(launch: Launch, limits: BudgetLimits, places: number, pace: Pace) {
    this.#launch = launch;
    this.#limits = limits;
    this.#pace = pace;
    const cores = availableParallelism();
    const turns = new TeamTurns({ atOnce: cores, turnMs: (teamId) => this.#turnMs(teamId, cores) });
    this.#lanes = new Lanes({ fast: places, slow: cores }, turns);
    this.#used = new TeamChildren(Math.max(LIMITS.childrenKept, places + cores));
  }

  get isolation() {
    return this.#launch.jail.isolation;
  }

  async *extract(source: ExtractionSource, options: ExtractionOptions): AsyncGenerator<readonly ExtractionEvent[]> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const place = await this.#enter(options.lane, source.teamId, signal);
    try {
      const child = this.#used.take(source.teamId, place.lane) ?? (await this.#fresh.take());
      try {
        if (place.lane === "slow") child.slowDown();
        const { lane, onSlow } = options;
        // A document that has ended a reader comes back in the slow lane: then it is known on which page.
        const run = {
          child,
          place,
          pace: this.#pace,
          limits: this.#limits,
          signal,
          onSlow,
          pageByPage: lane === "slow",
        };
        yield* readOne(source, run);
      } finally {
        // Also when the consumer left the loop: a child in the middle of a document has said nothing that says so.
        this.#giveBack(child);
      }
    } finally {
      place.leave();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new ExtractorTrouble("The extraction pool is closed."));
    for (const child of this.#alive) child.kill();
    await this.#launch.spawner.close();
    await this.#fresh.close();
    await Promise.all([...this.#alive].map((child) => child.ended));
  }

  /** One that was started for a trial. */
  adopt(child: ExtractionChild): void {
    this.#watchEnd(child);
    this.#fresh.add(child);
  }

  async #start(): Promise<ExtractionChild> {
    const child = await ExtractionChild.start(this.#launch);
    this.#watchEnd(child);
    if (this.#closing.signal.aborted) child.kill();
    return child;
  }

  #watchEnd(child: ExtractionChild): void {
    this.#alive.add(child);
    void child.ended.then(() => {
      this.#alive.delete(child);
      this.#fresh.drop(child);
      this.#used.drop(child);
    });
  }

  /**
   * A team that has more readers than there are cores gets another only behind what would leave the fast lane anyway:
   * it would need a second of processor time to be as quick as they are.
   */
  #turnMs(teamId: string, cores: number): number {
    const readers = [...this.#alive].filter((child) => child.teamId === teamId).length;
    return readers > cores ? this.#pace.slowAfterCpuMs : LIMITS.teamTurnMs;
  }

  async #enter(lane: ExtractionOptions["lane"], teamId: string, signal: AbortSignal) {
    try {
      return await this.#lanes.enter(lane, teamId, signal);
    } catch (error) {
      throw error instanceof ExtractorTrouble ? error : new ExtractorTrouble("Reading was stopped.", { cause: error });
    }
  }

  #giveBack(child: ExtractionChild): void {
    const fit = child.reusable && !child.gone && !isWorn(child) && !this.#closing.signal.aborted;
    if (fit) child.speedUp();
    const surplus = fit ? this.#used.keep(child) : child;
    surplus?.kill();
  }
}

/** What documents leave behind in a process adds up, and one large document's memory is not given back. */
function isWorn(child: ExtractionChild): boolean {
  const { cpuMs, rssBytes } = child.rest() ?? { cpuMs: 0, rssBytes: 0 };
  return (
    child.documents >= LIMITS.childDocuments || cpuMs > LIMITS.childLifeCpuMs || rssBytes > LIMITS.childIdleRssBytes
  );
}
