import { constants } from "node:os";
import { LIMITS } from "../limits.ts";
import { Budget, type BudgetLimits } from "./budget.ts";
import type { ExtractionChild } from "./child-process.ts";
import {
  type ExtractionEvent,
  type ExtractionFault,
  type ExtractionSource,
  ExtractorTrouble,
  TooLongForFastLane,
} from "./extractor.ts";
import { deathFault } from "./fault.ts";
import { isLong, type Pace, type Place } from "./lanes.ts";
import { type ChildMessage, type Frame, ProtocolError } from "./protocol.ts";
import { ReaderAnswer } from "./reader-answer.ts";
import type { ChildEnd } from "./spawner-process.ts";

export interface DocumentRun {
  readonly child: ExtractionChild;
  readonly place: Place;
  readonly pace: Pace;
  /** See DocumentHeader.pageByPage. */
  readonly pageByPage: boolean;
  readonly limits: BudgetLimits;
  readonly signal: AbortSignal;
  readonly onSlow: (() => void) | undefined;
}

/**
 * Reads one document in one child: feeds it, watches it, and turns what it says into events. The child is `reusable`
 * again only after its own `done`; however else this ends (its death, an abort, a consumer that left the loop), the
 * child is ended too.
 */
export async function* readOne(source: ExtractionSource, run: DocumentRun): AsyncGenerator<readonly ExtractionEvent[]> {
  const { child, place } = run;
  child.reusable = false;
  child.documents += 1;
  child.teamId = source.teamId;
  place.reads();
  const watch = new Watch(run, source.declaredType);
  const feeding = feed(source, run, watch);
  try {
    for (;;) {
      const { events, done, broken } = heard(await watch.next(), watch.answer);
      if (events.length > 0) yield* watch.held(events);
      if (broken !== null) throw broken;
      if (done === null) continue;
      await watch.unlessEnded(feeding);
      // Whatever it says behind its end is heard by nobody: it might pass for an answer about the next document.
      child.reusable = done.again && child.isSilent;
      break;
    }
  } catch (error) {
    throw error instanceof ProtocolError ? watch.brokenProtocol() : error;
  } finally {
    watch.stop();
    if (!child.reusable) child.kill();
  }
  if (watch.answer.fault !== null) throw watch.answer.fault;
}

type Done = Extract<ChildMessage, { kind: "done" }>;

interface Heard {
  readonly events: readonly ExtractionEvent[];
  readonly done: Done | null;
  /** What broke the protocol, behind the events. */
  readonly broken: unknown;
}

function heard(frames: Iterable<Frame>, answer: ReaderAnswer): Heard {
  const events: ExtractionEvent[] = [];
  let done: Done | null = null;
  try {
    for (const frame of frames) {
      if (done !== null) return { events, done: MORE_BEHIND, broken: null };
      const event = answer.eventOf(frame);
      if (event !== null) events.push(event);
      if (frame.message.kind === "done") done = frame.message;
    }
    return { events, done, broken: null };
  } catch (broken) {
    return done === null ? { events, done, broken } : { events, done: MORE_BEHIND, broken: null };
  }
}

const MORE_BEHIND: Done = { kind: "done", again: false };

/** Never rejects: what goes wrong with the source ends the watch, and so the reading. */
async function feed(source: ExtractionSource, { child, pageByPage }: DocumentRun, watch: Watch): Promise<void> {
  const { filename, title, declaredType, sizeBytes } = source;
  try {
    await child.feed({ filename, title, declaredType, sizeBytes, pageByPage }, watch.fetched(source.open()));
  } catch (error) {
    watch.end(
      error instanceof ExtractorTrouble
        ? error
        : new ExtractorTrouble("The original cannot be read.", { cause: error }),
    );
  }
}

/** Guards one document: samples its child, and knows why reading has to end. */
class Watch {
  readonly answer: ReaderAnswer;
  readonly #run: DocumentRun;
  readonly #budget: Budget;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = () => this.end(abortedBy(this.#run.signal));
  readonly #ended = Promise.withResolvers<void>();
  #sampledAtMs = performance.now();
  /** At the first sample: a document that is over before it waits for nobody. */
  #waitedBeforeMs: number | null = null;
  #withSource = false;
  #withConsumer = false;
  #ending: Error | null = null;

  constructor(run: DocumentRun, declaredType: string) {
    this.#run = run;
    this.answer = new ReaderAnswer(declaredType);
    this.#budget = new Budget(run.limits, run.child.usedBefore());
    this.#timer = setInterval(() => this.#sample(), LIMITS.childPollMs);
    run.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (run.signal.aborted) this.#onAbort();
  }

  /** Why reading ends. The first reason counts. */
  end(reason: Error): void {
    this.#ending ??= reason;
    this.#ended.resolve();
    this.#run.child.kill();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#run.signal.removeEventListener("abort", this.#onAbort);
  }

  /** Gives events to the consumer; its time with it is not the document's. */
  *held(events: readonly ExtractionEvent[]): Generator<readonly ExtractionEvent[]> {
    this.#withConsumer = true;
    yield events;
    this.#withConsumer = false;
  }

  /**
   * Takes bytes from the original; its time with that is not the document's. The time until its reader has taken them
   * is: one that was taken over may never.
   */
  async *fetched(original: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      this.#withSource = true;
      for await (const bytes of original) {
        this.#withSource = false;
        yield bytes;
        this.#withSource = true;
      }
    } finally {
      this.#withSource = false;
    }
  }

  /** Throws why reading has to end, if it has to. */
  check(): void {
    if (this.#ending !== null) throw this.#ending;
  }

  /** An original may be as slow as its disk, and its reader may be done before it: that must not outlast an abort. */
  async unlessEnded(feeding: Promise<void>): Promise<void> {
    await Promise.race([feeding, this.#ended.promise]);
    this.check();
  }

  async next(): Promise<Iterable<Frame>> {
    this.check();
    const frames = await this.#receive();
    this.check();
    if (frames === null) throw await this.#deathOf(this.#run.child.ended);
    return frames;
  }

  async #receive(): Promise<Iterable<Frame> | null> {
    try {
      return await this.#run.child.receive();
    } catch (error) {
      throw new ExtractorTrouble("The child's answer cannot be read.", { cause: error });
    }
  }

  brokenProtocol(): ExtractionFault {
    return deathFault("corrupt_file", `${this.#where()} its reader broke the protocol.`);
  }

  #sample(): void {
    const { child } = this.#run;
    // A consumer that left without a word stops nothing; that its reader is gone does.
    if (child.gone) {
      clearInterval(this.#timer);
      return;
    }
    const now = performance.now();
    const overrun = this.#budget.sample(now - this.#sampledAtMs, child.usage(), this.#withSource || this.#withConsumer);
    this.#sampledAtMs = now;
    this.#waitedBeforeMs ??= child.waitedMs();
    if (overrun === null) this.#keepFastLaneFree();
    else this.end(deathFault(overrun.code, `${this.#where()} ${overrun.detail}.`));
  }

  /** A place that nobody else could want is kept: what was read would be thrown away for nothing. */
  #keepFastLaneFree(): void {
    const { child, place, pace, onSlow } = this.#run;
    const { cpuMs, stayedMs } = this.#budget;
    const waitedMs = () => child.waitedMs() - (this.#waitedBeforeMs ?? 0);
    if (place.lane === "slow" || !isLong(pace, { cpuMs, stayedMs, waitedMs })) return;
    if (place.slowDown()) {
      child.slowDown();
      onSlow?.();
    } else if (stayedMs > pace.fastMaxMs && place.wanted) {
      this.end(new TooLongForFastLane("the document takes long, and the slow lane is full"));
    }
  }

  async #deathOf(ended: Promise<ChildEnd>): Promise<Error> {
    const end = await ended;
    const { exitCode, lastWords, lost } = end;
    const signal = signalOf(end);
    this.check();
    if (lost) return new ExtractorTrouble("The process that starts extraction children ended.");
    const outOfMemory = /out of memory|heap limit|allocation failed/i.test(lastWords);
    if (outOfMemory || this.#budget.rssBytes > this.#run.limits.rssBytes / 2) {
      return deathFault("extraction_memory", `${this.#where()} its reader ran out of memory.`);
    }
    if (signal === "SIGXCPU")
      return deathFault("extraction_timeout", `${this.#where()} it took too much processor time.`);
    if (signal === "SIGKILL" || signal === "SIGTERM") {
      return deathFault("internal", `${this.#where()} its reader was ended from outside (${signal}).`);
    }
    return deathFault("too_complex", `${this.#where()} its reader broke down (${signal ?? `exit code ${exitCode}`}).`);
  }

  /** The page being read is the one after the last that came, or one that its reader kept to send some together. */
  #where(): string {
    return `On page ${this.answer.pages + 1}${this.#run.pageByPage ? "" : " or later"}`;
  }
}

/**
 * What ended the reader. The tool that shut it in stands in between: unshare ends by the same signal, and of
 * SIGKILL, which it cannot (util-linux 2.38), tells only that it failed; bubblewrap exits with 128 + its number, as
 * a shell does.
 */
function signalOf({ signal, exitCode, lastWords }: ChildEnd): string | null {
  if (signal !== null || exitCode === null) return signal;
  if (exitCode === 1 && lastWords.includes("unshare: sigprocmask")) return "SIGKILL";
  const [name] = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128) ?? [];
  return name ?? null;
}

function abortedBy(signal: AbortSignal): Error {
  return signal.reason instanceof ExtractorTrouble
    ? signal.reason
    : new ExtractorTrouble("Reading was stopped.", { cause: signal.reason });
}
