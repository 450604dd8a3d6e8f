import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { LIMITS } from "../../src/limits.ts";
import { Api } from "../support/api.ts";
import { sha256Hex } from "../support/digests.ts";
import type { BrokenExchange } from "../support/http.ts";
import { textAt } from "../support/json.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { tasksAtRest } from "./folder-audit.ts";
import { expectStatus, Violation } from "./killer-client.ts";
import { Ledger } from "./ledger.ts";
import { type Removed, SigtermClients } from "./sigterm-clients.ts";

/**
 * Stops a server again and again while clients of every kind are at it (R15):
 *
 *     node server/test/faults/sigterm.ts --times 100 [--seed 1] [--within 300]
 *
 * Each time: no request that it had accepted fails within the grace period, it ends with 0 and in time, its tasks
 * are due at once, and the next start has everything that was acknowledged. Exit code 0: so it was. 1: what was
 * found is printed.
 */
export interface SigtermOptions {
  readonly times: number;
  readonly seed: number;
  /** The signal comes U(0, this) ms after the load is there. */
  readonly withinMs: number;
  /** One of so many rounds has an upload that goes on for longer than the grace period. */
  readonly endlessEvery: number;
  /** Told after each round. */
  readonly progress?: (line: string) => void;
}

export interface SigtermReport {
  readonly times: number;
  readonly files: number;
  readonly removed: number;
  /** Steps of clients that were answered. */
  readonly answered: number;
  /**
   * Requests without an answer, as they may be: the connection was refused, closed, or reset while it waited to
   * be accepted.
   */
  readonly refused: number;
  readonly closed: number;
  readonly reset: number;
  /** Uploads that went on for longer than the grace period, and were cut. */
  readonly cut: number;
  /** Tasks that were being worked on and were due again at the exit. */
  readonly returnedTasks: number;
  /** From the signal to the exit, in ms; without and with an upload that outlasts the grace period. */
  readonly medianStopMs: number;
  readonly slowestStopMs: number;
  readonly violations: readonly string[];
}

/** Grace, the last records of uploads that are cut, and a second. */
const STOP_WITHIN_MS = LIMITS.shutdownGraceMs + LIMITS.takeOverWaitMs + 1000;
const LARGE_BYTES = 8 * 1024 * 1024;

export async function runSigterm(options: SigtermOptions): Promise<SigtermReport> {
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "warn" });
  try {
    return await new SigtermRun(server, options).run();
  } finally {
    await server.close();
  }
}

class SigtermRun {
  readonly #server: TestServer;
  readonly #options: SigtermOptions;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #removed: Removed[] = [];
  readonly #stopMs: number[] = [];
  readonly #counts = { answered: 0, refused: 0, closed: 0, reset: 0, cut: 0, returnedTasks: 0 };

  constructor(server: TestServer, options: SigtermOptions) {
    this.#server = server;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#ledger = new Ledger(this.#random);
  }

  async run(): Promise<SigtermReport> {
    const { times, progress } = this.#options;
    const bytes = this.#random.bytes(LARGE_BYTES);
    const large = {
      fileId: await this.#api().upload(bytes, { filename: "large.bin" }),
      sha256: sha256Hex(bytes),
    };
    let told = 0;
    for (let time = 1; time <= times && !this.#ledger.isFull; time++) {
      await this.#stopUnderLoad(large, time % this.#options.endlessEvery === 0);
      await this.#server.begin();
      const touched = await this.#ledger.auditTouched(this.#api());
      await this.#ledger.auditSettled(
        this.#api(),
        touched.filter((upload) => upload.fileId !== null),
      );
      await this.#auditRemoved();
      progress?.(
        `${time}/${times} stops, the last took ${this.#stopMs.at(-1)} ms, ${touched.length} uploads audited, ${JSON.stringify(this.#counts)}, ${this.#ledger.violations.length} violations`,
      );
      for (; told < this.#ledger.violations.length; told++) progress?.(`  ${this.#ledger.violations[told]}`);
    }
    await this.#ledger.finish(this.#server, this.#api(), 1);
    const stops = this.#stopMs.toSorted((a, b) => a - b);
    return {
      times,
      files: this.#ledger.finalized.length,
      removed: this.#removed.length,
      ...this.#counts,
      medianStopMs: stops[Math.floor(stops.length / 2)] ?? 0,
      slowestStopMs: stops.at(-1) ?? 0,
      violations: this.#ledger.violations,
    };
  }

  async #stopUnderLoad(large: { fileId: string; sha256: string }, withEndlessUpload: boolean): Promise<void> {
    const { url, key } = this.#server;
    const clients = new SigtermClients({
      url,
      key,
      ledger: this.#ledger,
      random: this.#random,
      large,
      withEndlessUpload,
    });
    await clients.start();
    await sleep(this.#random.next() * this.#options.withinMs);
    clients.burst();
    await sleep(this.#random.integer(0, 5));
    const signalledAt = performance.now();
    const code = await this.#server.end("SIGTERM");
    const tookMs = Math.round(performance.now() - signalledAt);
    const idle = await clients.stop();
    this.#stopMs.push(tookMs);
    this.#removed.push(...clients.removed);
    this.#counts.answered += clients.answered;
    const round = `stop ${this.#stopMs.length}`;
    if (code !== 0) this.#ledger.note(round, `the server ended with ${code} after ${tookMs} ms`);
    if (tookMs > STOP_WITHIN_MS) this.#ledger.note(round, `the server took ${tookMs} ms to end`);
    if (idle.reset > 0) this.#ledger.note(round, `${idle.reset} idle connections were reset`);
    for (const exchange of clients.broken) this.#judge(round, exchange, signalledAt);
    const tasks = tasksAtRest(this.#server.dataDir);
    this.#counts.returnedTasks += tasks.returned;
    if (tasks.running > 0) this.#ledger.note(round, `${tasks.running} tasks are still under a lease`);
  }

  #judge(round: string, exchange: BrokenExchange, signalledAt: number): void {
    const fault = faultOf(exchange, signalledAt);
    if (fault !== null) {
      const since = (at: number | null) => (at === null ? "never" : `${(at - signalledAt).toFixed(1)} ms`);
      const { connectedAt, startedAt, sentAt } = exchange.progress;
      const times = `connected ${since(connectedAt)}, started ${since(startedAt)}, sent ${since(sentAt)}, broken ${since(exchange.brokenAt)}`;
      this.#ledger.note(round, `${fault}: ${exchange.message} (from the signal: ${times})`);
    } else if (exchange.code === "ECONNREFUSED") this.#counts.refused++;
    else if (exchange.brokenAt > signalledAt + LIMITS.shutdownGraceMs) this.#counts.cut++;
    else if (exchange.code === null) this.#counts.closed++;
    else this.#counts.reset++;
  }

  async #auditRemoved(): Promise<void> {
    const api = this.#api();
    for (const removed of this.#removed.slice(-20)) {
      try {
        if (!removed.acknowledged) expectStatus(await api.deleteFile(removed.fileId), 200, "delete again");
        removed.acknowledged = true;
        const { json, text } = await api.file(removed.fileId);
        if (textAt(json, "status") !== "deleted") throw new Violation(`a deleted file is there: ${text}`);
      } catch (error) {
        this.#ledger.note(removed.fileId, error);
      }
    }
  }

  #api(): Api {
    return new Api(this.#server.url, this.#server.key);
  }
}

/** Why an exchange may not have broken as it did, or null. */
function faultOf({ progress, code, brokenAt }: BrokenExchange, signalledAt: number): string | null {
  const before = (at: number | null) => at !== null && at < signalledAt;
  if (brokenAt < signalledAt) return "broken before the signal";
  if (progress.answerBegan) return "broken in the middle of an answer";
  if (!before(progress.connectedAt)) return null;
  if (before(progress.sentAt)) return "an accepted request has no answer";
  if (before(progress.startedAt))
    return brokenAt < signalledAt + LIMITS.shutdownGraceMs ? "an upload was cut within the grace period" : null;
  return code === null ? null : "a kept connection was reset instead of closed";
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      times: { type: "string", default: "100" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      within: { type: "string", default: "300" },
    },
  });
  const options = {
    times: Number(values.times),
    seed: Number(values.seed),
    withinMs: Number(values.within),
    endlessEvery: 10,
  };
  console.log(JSON.stringify(options));
  const report = await runSigterm({ ...options, progress: (line) => console.log(line) });
  console.log(JSON.stringify(report, null, 2));
  if (report.violations.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
