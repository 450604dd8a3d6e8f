import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Api } from "../support/api.ts";
import { BrokenExchange } from "../support/http.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { bringIn } from "./killer-client.ts";
import { Ledger, nameOf } from "./ledger.ts";

/**
 * Kills a server again and again while clients upload, and asks it after each restart for everything that it had
 * promised (R1 and R16 of CONTRIBUTING.md):
 *
 *     node server/test/faults/killer.ts --kills 200 [--seed 1] [--clients 6] [--within 200]
 *
 * Exit code 0: nothing lost, nothing left over. 1: what was found is printed.
 */
export interface KillerOptions {
  readonly kills: number;
  readonly seed: number;
  readonly clients: number;
  /**
   * The kill comes U(0, this) ms after the first answer. A busy machine needs more than 200 for the same
   * number of answers.
   */
  readonly withinMs: number;
  /** Told after each round. */
  readonly progress?: (line: string) => void;
}

export interface KillerReport {
  readonly kills: number;
  /** Kills while the server was starting: recovery itself must survive. */
  readonly killsAtStart: number;
  readonly sessions: number;
  readonly finalized: number;
  /** Longest start after a kill, in ms, until the server answered. */
  readonly slowestStartMs: number;
  readonly violations: readonly string[];
}

const BEGIN_WITHIN_MS = 5000;
/** Of ten kills this many hit the start. */
const KILLS_AT_START_OF_TEN = 1;
const KILL_START_WITHIN_MS = 1200;

export async function runKiller(options: KillerOptions): Promise<KillerReport> {
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "warn" });
  try {
    return await new Killer(server, options).run();
  } finally {
    await server.close();
  }
}

class Killer {
  readonly #server: TestServer;
  readonly #options: KillerOptions;
  readonly #random: Random;
  readonly #ledger: Ledger;
  #killsAtStart = 0;
  #slowestStartMs = 0;

  constructor(server: TestServer, options: KillerOptions) {
    this.#server = server;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#ledger = new Ledger(this.#random);
  }

  async run(): Promise<KillerReport> {
    const { kills, progress } = this.#options;
    const ledger = this.#ledger;
    for (let kill = 1; kill <= kills && !ledger.isFull; kill++) {
      await this.#killUnderLoad();
      if (this.#random.integer(1, 10) <= KILLS_AT_START_OF_TEN) await this.#killAtStart();
      await this.#restart();
      const audited = await ledger.auditTouched(this.#api());
      progress?.(
        `${kill}/${kills} kills, ${ledger.uploads.length} uploads, ${audited.length} audited, ${ledger.violations.length} violations`,
      );
    }
    await ledger.finish(this.#server, this.#api());
    return {
      kills,
      killsAtStart: this.#killsAtStart,
      sessions: ledger.sessions,
      finalized: ledger.finalized.length,
      slowestStartMs: this.#slowestStartMs,
      violations: ledger.violations,
    };
  }

  async #killUnderLoad(): Promise<void> {
    const api = this.#api();
    let dead = false;
    // The load has begun with the first answer: a server that has just started takes its time for that one.
    const begun = Promise.withResolvers<void>();
    const free = this.#ledger.uploads.filter((upload) => upload.fileId === null);
    const client = async () => {
      while (!dead) {
        const upload = free.pop() ?? this.#ledger.newUpload();
        await bringIn(api, upload, begun.resolve).catch((error: unknown) => {
          // A violation is one also when the server dies right after it; a broken connection is none then.
          if (!dead || !(error instanceof BrokenExchange)) this.#ledger.note(nameOf(upload), error);
        });
      }
    };
    const clients = Array.from({ length: this.#options.clients }, client);
    await Promise.race([begun.promise, sleep(BEGIN_WITHIN_MS)]);
    await sleep(this.#random.next() * this.#options.withinMs);
    dead = true;
    await this.#server.end("SIGKILL");
    await Promise.all(clients);
  }

  async #killAtStart(): Promise<void> {
    const starting = this.#server.begin().catch(() => {});
    await sleep(this.#random.next() * KILL_START_WITHIN_MS);
    await this.#server.end("SIGKILL");
    await starting;
    this.#killsAtStart++;
  }

  async #restart(): Promise<void> {
    const began = performance.now();
    await this.#server.begin();
    this.#slowestStartMs = Math.max(this.#slowestStartMs, Math.round(performance.now() - began));
  }

  #api(): Api {
    return new Api(this.#server.url, this.#server.key);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "200" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      clients: { type: "string", default: "6" },
      within: { type: "string", default: "200" },
    },
  });
  const options = {
    kills: Number(values.kills),
    seed: Number(values.seed),
    clients: Number(values.clients),
    withinMs: Number(values.within),
  };
  console.log(JSON.stringify(options));
  const report = await runKiller({ ...options, progress: (line) => console.log(line) });
  console.log(JSON.stringify(report, null, 2));
  if (report.violations.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
