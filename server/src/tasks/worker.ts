import type { TaskLane } from "../catalogue/schema.ts";
import { startDeadline } from "../deadline.ts";
import { FILE_ERRORS, toError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import type { BackgroundWork } from "./background.ts";
import type { Claim } from "./claim.store.ts";
import type { TaskHandlers, TaskOutcome } from "./handler.ts";
import { Nudge } from "./nudge.ts";
import type { TaskQueue } from "./queue.ts";
import type { Fault, TaskReport } from "./task.ts";

export interface WorkerOptions {
  readonly queue: TaskQueue;
  readonly handlers: TaskHandlers;
  readonly log: Log;
  /** Tasks that run at once in each lane. */
  readonly places: Readonly<Record<TaskLane, number>>;
}

/** In which order a claim looks, by the lane that was served last: neither can keep the other from its places. */
const LANES_AFTER: Readonly<Record<TaskLane, readonly TaskLane[]>> = { fast: ["slow", "fast"], slow: ["fast", "slow"] };

/**
 * Takes due tasks and has them worked on: as many at once as there are places. It looks when a task became due, when a
 * place became free, and every limits.taskLookMs (back-offs end without a wake-up).
 *
 * A claim is held by a heartbeat every 3 s under a lease of 10 s, for 5 minutes at most. A heartbeat that finds
 * the task gone (lease lost while this process was stopped, cancelled, deleted) ends the work at once, and
 * nothing of it counts.
 *
 * `start` runs until the signal is aborted; then running tasks go back to the queue at once, their work is ended, and
 * it resolves within limits.taskStopMs.
 */
export class Worker implements BackgroundWork {
  readonly #options: WorkerOptions;
  readonly #jobs = new Set<Job>();
  readonly #nudge = new Nudge();
  #servedLast: TaskLane = "slow";
  #troublesInARow = 0;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Takes one task, if one is due, and works on it to its end. True when there was one. */
  async runOnce(): Promise<boolean> {
    const job = await this.#claim(LANES_AFTER[this.#servedLast]);
    await job?.done;
    return job !== null;
  }

  async start(signal: AbortSignal): Promise<void> {
    const stopListening = this.#options.queue.onDue(() => this.#nudge.now());
    try {
      while (!signal.aborted) {
        await this.#fill(signal);
        if (this.#machineIsUnwell()) await new Nudge().wait(LIMITS.taskLookMs, signal);
        else await this.#nudge.wait(LIMITS.taskLookMs, signal);
      }
    } finally {
      stopListening();
      await this.#stop();
    }
  }

  /**
   * Takes tasks until all places are taken or nothing is due. One claim after another: with nothing to do, a
   * look costs one.
   */
  async #fill(signal: AbortSignal): Promise<void> {
    try {
      for (let lanes = this.#lanesWithRoom(); lanes.length > 0 && !signal.aborted; lanes = this.#lanesWithRoom())
        if ((await this.#claim(lanes)) === null) return;
    } catch (error) {
      this.#options.log.warn({ err: error }, "tasks cannot be claimed right now");
    }
  }

  /**
   * Nothing but trouble, as often in a row as there are places: the next task would meet it too. Then one round of
   * claims a second is enough; without this, a disk that is away for a minute would send a whole queue into back-off.
   */
  #machineIsUnwell(): boolean {
    return this.#troublesInARow >= this.#options.places.fast + this.#options.places.slow;
  }

  #lanesWithRoom(): readonly TaskLane[] {
    const { places } = this.#options;
    const taken = (lane: TaskLane) => [...this.#jobs].filter((job) => job.lane === lane).length;
    return LANES_AFTER[this.#servedLast].filter((lane) => taken(lane) < places[lane]);
  }

  async #claim(lanes: readonly TaskLane[]): Promise<Job | null> {
    const claim = await this.#options.queue.claim(...lanes);
    if (claim === null) return null;
    this.#servedLast = claim.lane;
    const job = new Job(claim, this.#options, () => this.#nudge.now());
    this.#jobs.add(job);
    void job.done.then((trouble) => {
      this.#troublesInARow = trouble ? this.#troublesInARow + 1 : 0;
      this.#jobs.delete(job);
      this.#nudge.now();
    });
    return job;
  }

  async #stop(): Promise<void> {
    for (const job of this.#jobs) job.giveBack();
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LIMITS.taskStopMs);
    await Promise.race([Promise.all([...this.#jobs].map((job) => job.settled)), tooLong]);
    clearTimeout(timer);
  }
}

/** Why a task ended before its handler said so. */
type Ending = "lost" | "stopped" | "out of time";

/** One claim: its handler, its heartbeats, its deadline. */
class Job {
  /**
   * Resolves when the place is free: the outcome is recorded, or the task is not ours any more. Whether it was trouble
   * of the machine. Never rejects.
   */
  readonly done: Promise<boolean>;
  /** Resolves when the handler has let go as well. */
  readonly settled: Promise<void>;
  lane: TaskLane;
  readonly #claim: Claim;
  readonly #options: WorkerOptions;
  readonly #abort = new AbortController();
  readonly #ending = Promise.withResolvers<Ending>();
  #report: TaskReport = { stage: "extracting", progress: null };
  #reported = this.#report;
  #beating = false;

  constructor(claim: Claim, options: WorkerOptions, placeFreed: () => void) {
    this.#claim = claim;
    this.#options = options;
    this.lane = claim.lane;
    const context = {
      signal: this.#abort.signal,
      report: (report: TaskReport) => {
        this.#report = report;
      },
      movedToSlowLane: () => {
        this.lane = "slow";
        placeFreed();
      },
    };
    const outcome = this.#handle(context);
    this.done = this.#run(outcome);
    this.settled = Promise.all([this.done, outcome]).then(() => {});
  }

  /** The server stops: the task goes back to the queue first, so that what the handler still does counts no more. */
  giveBack(): void {
    this.#end("stopped");
  }

  async #handle(context: Parameters<TaskHandlers["index"]>[1]): Promise<TaskOutcome> {
    try {
      return await this.#options.handlers[this.#claim.type](this.#claim, context);
    } catch (error) {
      // A handler turns what it knows into an outcome. Anything else is a defect: it must neither stop the server nor
      // loop for ever.
      const fault: Fault = { code: "internal", message: FILE_ERRORS.internal, permanent: false, death: false };
      const { log } = this.#options;
      // One that was told to let go may throw why it did; the task's end is decided already.
      if (this.#abort.signal.aborted) log.debug({ ...this.#ids, err: error }, "a task's handler let go");
      else log.error({ ...this.#ids, err: error }, "a task's handler failed unexpectedly");
      return this.#claim.type === "remove"
        ? { kind: "trouble", trouble: "storage", cause: error }
        : { kind: "fault", fault };
    }
  }

  async #run(handling: Promise<TaskOutcome>): Promise<boolean> {
    const { queue, log } = this.#options;
    const heartbeats = setInterval(() => void this.#beat(), LIMITS.heartbeatMs);
    const stopDeadline = startDeadline(LIMITS.claimMaxMs, () => this.#end("out of time"));
    // What changes the task while it activates is its own last transaction; that one is fenced, whoever else
    // comes first.
    const stopListening = queue.onChange(this.#claim.taskId, () => {
      if (this.#report.stage !== "activating") void this.#beat();
    });
    try {
      const first = await Promise.race([handling, this.#ending.promise]);
      clearInterval(heartbeats);
      stopDeadline();
      stopListening();
      if (first === "lost") log.info(this.#ids, "a task is no longer held; its work was ended");
      else if (first === "stopped") await queue.release(this.#claim, this.#claim.lane);
      else return await this.#record(first === "out of time" ? this.#outOfTime() : first);
      return false;
    } catch (error) {
      // The lease runs out by itself, and the rescuer returns the task.
      log.warn({ ...this.#ids, err: error }, "the end of a task could not be recorded");
      return true;
    } finally {
      clearInterval(heartbeats);
      stopDeadline();
      stopListening();
    }
  }

  /** Whether it was trouble of the machine. */
  async #record(outcome: TaskOutcome): Promise<boolean> {
    const { queue, log } = this.#options;
    switch (outcome.kind) {
      case "ended":
        return false;
      case "slow":
        await queue.release(this.#claim, "slow");
        return false;
      case "fault": {
        const { code, message } = outcome.fault;
        log.info({ ...this.#ids, code, reason: message }, "a file could not be read");
        await queue.fault(this.#claim, outcome.fault);
        return false;
      }
      case "trouble":
        log.warn({ ...this.#ids, trouble: outcome.trouble, err: toError(outcome.cause) }, "a task met trouble");
        await queue.trouble(this.#claim, outcome.trouble);
        return true;
    }
  }

  /** While the file was being read, the time is the file's; afterwards it is the machine's. */
  #outOfTime(): TaskOutcome {
    const { stage } = this.#report;
    if (this.#claim.type === "remove" || stage !== "extracting")
      return { kind: "trouble", trouble: "slow", cause: new Error(`out of time while ${stage}`) };
    const message = FILE_ERRORS.extraction_timeout;
    return { kind: "fault", fault: { code: "extraction_timeout", message, permanent: false, death: true } };
  }

  async #beat(): Promise<void> {
    // Our own change wakes us too; and a heartbeat that hangs is not helped by another.
    if (this.#beating || this.#abort.signal.aborted) return;
    this.#beating = true;
    const report = this.#report;
    try {
      const held = await this.#options.queue.heartbeat(this.#claim, report, !sameReport(report, this.#reported));
      this.#reported = report;
      // While it activates, the task may be ours no more because its own last transaction has just ended it.
      if (!held && report.stage !== "activating") this.#end("lost");
    } catch (error) {
      this.#options.log.warn({ ...this.#ids, err: error }, "a heartbeat could not be recorded");
    } finally {
      this.#beating = false;
    }
  }

  #end(ending: Ending): void {
    this.#ending.resolve(ending);
    this.#abort.abort(new Error(`the task is ${ending}`));
  }

  get #ids() {
    return { task: this.#claim.taskId, file: this.#claim.fileId, attempt: this.#claim.attempt };
  }
}

function sameReport(a: TaskReport, b: TaskReport): boolean {
  return a.stage === b.stage && a.progress?.done === b.progress?.done && a.progress?.total === b.progress?.total;
}
