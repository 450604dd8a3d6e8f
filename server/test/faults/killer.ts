import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Api } from "../support/api.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { auditFolder } from "./folder-audit.ts";
import { auditSettled, auditUpload } from "./killer-audit.ts";
import { bringIn, newUpload, type Upload } from "./killer-client.ts";

/**
 * Kills a server again and again while clients upload, and asks it after each restart for everything that it had promised
 * (reliability goals R1 and R16):
 *
 *     node server/test/faults/killer.ts --kills 200 [--seed 1] [--clients 6] [--within 200]
 *
 * Exit code 0: nothing lost, nothing left over. 1: what was found is printed.
 */
export interface KillerOptions {
  readonly kills: number;
  readonly seed: number;
  readonly clients: number;
  /** The kill comes U(0, this) ms after the first answer. A busy machine needs more than 200 for the same number of answers. */
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
const SETTLED_WITHIN_MS = 120_000;
const MAX_VIOLATIONS = 20;

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
  readonly #uploads: Upload[] = [];
  readonly #violations: string[] = [];
  #killsAtStart = 0;
  #slowestStartMs = 0;

  constructor(server: TestServer, options: KillerOptions) {
    this.#server = server;
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  async run(): Promise<KillerReport> {
    const { kills, progress } = this.#options;
    for (let kill = 1; kill <= kills && this.#violations.length < MAX_VIOLATIONS; kill++) {
      await this.#killUnderLoad();
      if (this.#random.integer(1, 10) <= KILLS_AT_START_OF_TEN) await this.#killAtStart();
      await this.#restart();
      const touched = this.#uploads.filter((upload) => upload.touched);
      for (const upload of touched) await this.#judge(upload, () => auditUpload(this.#api(), upload));
      for (const upload of touched) upload.touched = false;
      progress?.(
        `${kill}/${kills} kills, ${this.#uploads.length} uploads, ${touched.length} audited, ${this.#violations.length} violations`,
      );
    }
    await this.#finish();
    return {
      kills,
      killsAtStart: this.#killsAtStart,
      sessions: this.#uploads.filter((upload) => upload.sessionId !== null).length,
      finalized: this.#uploads.filter((upload) => upload.fileId !== null).length,
      slowestStartMs: this.#slowestStartMs,
      violations: this.#violations,
    };
  }

  async #killUnderLoad(): Promise<void> {
    const api = this.#api();
    let dead = false;
    // The load has begun with the first answer: a server that has just started takes its time for that one.
    const begun = Promise.withResolvers<void>();
    const free = this.#uploads.filter((upload) => upload.fileId === null);
    const client = async () => {
      while (!dead) {
        const upload = free.pop() ?? this.#newUpload();
        await bringIn(api, upload, begun.resolve).catch((error: unknown) => {
          // A violation is one also when the server dies right after it; a broken connection is none then.
          if (!dead || (error instanceof Error && error.name !== "Error")) this.#note(upload, error);
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

  /** Lets every upload come to its end, then stops in order and looks at what lies in the folder. */
  async #finish(): Promise<void> {
    for (const upload of this.#uploads) await this.#judge(upload, () => bringIn(this.#api(), upload));
    for (const upload of this.#uploads) await this.#judge(upload, () => auditUpload(this.#api(), upload));
    for (const upload of this.#uploads)
      await this.#judge(upload, () => auditSettled(this.#api(), upload, SETTLED_WITHIN_MS));
    await this.#server.end("SIGTERM");
    // Once more: the start removes what the last round left.
    await this.#server.begin();
    await this.#server.end("SIGTERM");
    const { problems, files } = await auditFolder(this.#server.dataDir);
    this.#violations.push(...problems.slice(0, MAX_VIOLATIONS));
    const finalized = this.#uploads.filter((upload) => upload.fileId !== null).length;
    if (files !== finalized) this.#violations.push(`${files} files for ${finalized} uploads`);
  }

  async #judge(upload: Upload, audit: () => Promise<void>): Promise<void> {
    if (this.#violations.length >= MAX_VIOLATIONS) return;
    try {
      await audit();
    } catch (error) {
      this.#note(upload, error);
    }
  }

  #note(upload: Upload, error: unknown): void {
    this.#violations.push(`${upload.sessionId ?? upload.key} ${upload.fileId ?? ""}: ${String(error)}`);
  }

  #newUpload(): Upload {
    const upload = newUpload(this.#random, this.#uploads.length);
    this.#uploads.push(upload);
    return upload;
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
