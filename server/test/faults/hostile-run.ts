import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../src/limits.ts";
import { Api } from "../support/api.ts";
import { http } from "../support/http.ts";
import { at, shown, textAt } from "../support/json.ts";
import { levelsOf } from "../support/levels.ts";
import { TestServer } from "../support/server.ts";
import { ChildWatch } from "./child-watch.ts";
import { declaredTypeOf, type HostileFile } from "./hostile-files.ts";
import { LoopDelay } from "./loop-delay.ts";

export interface HostileOptions {
  readonly files: readonly HostileFile[];
  /** Normal clients. Each uploads a note of one page a second, one after another. */
  readonly clients: number;
  readonly quietMs: number;
  /**
   * Of each healthy text that is uploaded before anything is measured: what large files make the server take is its
   * level, not a leak.
   */
  readonly warmUpBytes: number;
  readonly progress?: (line: string) => void;
}

/** A figure beside its target, both in the unit that the name ends with. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly met: boolean;
}

export interface HostileReport {
  readonly figures: readonly Figure[];
  readonly notes: { readonly quiet: number; readonly hostile: number };
  /** How each hostile file ended, and after how long from its finalize. */
  readonly ends: readonly string[];
  readonly violations: readonly string[];
}

const NOTE_EVERY_MS = 1000;
const HOSTILE_UPLOADERS = 4;
/** A death is tried once more after a pause, and files wait for each other's places: a long queue is no stuck file. */
const SETTLED_WITHIN_MS = 30 * 60_000;
const RSS_BACK_WITHIN_MS = 60_000;
/** One level after the other, the server keeps within 50 MiB of itself. */
const RSS_SLACK_MIB = 96;
const MAX_VIOLATIONS = 20;

/** First the normal clients alone, then the same with hostile files beside them, then quiet again. */
export async function runHostile(options: HostileOptions): Promise<HostileReport> {
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "warn" });
  try {
    return await new HostileRun(server, options).run();
  } finally {
    await server.close();
  }
}

class HostileRun {
  readonly #server: TestServer;
  readonly #options: HostileOptions;
  readonly #violations: string[] = [];
  readonly #ends: string[] = [];

  constructor(server: TestServer, options: HostileOptions) {
    this.#server = server;
    this.#options = options;
  }

  async run(): Promise<HostileReport> {
    const { progress, quietMs } = this.#options;
    // Before anything is measured: the clients share this process, and a file that takes a second to make is no delay
    // of the server's.
    const files = this.#options.files.map(({ filename, bytes }) => ({ filename, bytes: bytes() }));
    const { pid } = this.#server;
    // Caches, compiled code and the first children are there before anything is measured.
    await this.#notesWhile(this.#warmUp());
    const quiet = await this.#notesWhile(sleep(quietMs));
    const before = rssMib(pid);
    progress?.(`quiet: ${quiet.length} notes, p95 ${p95(quiet)} ms, ${before} MiB`);
    const watch = new ChildWatch(() => pid);
    const loop = await LoopDelay.start(this.#server.url);
    const hostile = await this.#notesWhile(this.#uploadAll(files));
    const delay = await loop.stop();
    const sightings = watch.stop();
    progress?.(`hostile: ${hostile.length} notes, p95 ${p95(hostile)} ms, ${rssMib(pid)} MiB`);
    const after = await this.#rssBack(pid, before + RSS_SLACK_MIB);
    const alive = await http(`${this.#server.url}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (!alive) this.#violations.push("the server does not answer any more");
    if (sightings.networkAttempts > 0) this.#violations.push("a child tried to use a network");
    return {
      figures: [
        figure("event-loop delay p99, ms", delay.p99Ms, 50),
        figure("event-loop delay max, ms", delay.maxMs, 200),
        figure("notes finalize to searchable p95, ms", p95(hostile), 2 * p95(quiet) + 500),
        figure("child memory peak, MiB", Math.round(sightings.peakRssBytes / 2 ** 20), LIMITS.childRssBytes / 2 ** 20),
        figure("server memory afterwards, MiB", after, before + RSS_SLACK_MIB),
      ],
      notes: { quiet: quiet.length, hostile: hostile.length },
      ends: this.#ends,
      violations: this.#violations,
    };
  }

  /** Times from finalize to searchable of the notes of all clients, in ms, until `until` has come. */
  async #notesWhile(until: Promise<unknown>): Promise<readonly number[]> {
    let over = false;
    const times: number[] = [];
    const client = async (number: number) => {
      const api = this.#api();
      await sleep((number * NOTE_EVERY_MS) / this.#options.clients);
      for (let note = 0; !over && this.#violations.length < MAX_VIOLATIONS; note++) {
        const began = performance.now();
        const ms = await this.#judged(() =>
          searchableMs(api, `note${number}x${note}${api.bucket.replaceAll("-", "")}`),
        );
        if (ms !== null) times.push(ms);
        await sleep(Math.max(0, NOTE_EVERY_MS - (performance.now() - began)));
      }
    };
    const clients = Array.from({ length: this.#options.clients }, (_, number) => client(number));
    await until;
    over = true;
    await Promise.all(clients);
    return times;
  }

  async #warmUp(): Promise<void> {
    const text = Buffer.alloc(this.#options.warmUpBytes, "The pilot boards at the outer buoy, and the tide turns.\n");
    const uploads = Array.from({ length: HOSTILE_UPLOADERS }, () =>
      this.#judged(() => this.#uploadOne("log.txt", text)),
    );
    await Promise.all(uploads);
    this.#ends.length = 0;
  }

  async #uploadAll(files: readonly { readonly filename: string; readonly bytes: Buffer }[]): Promise<void> {
    const waiting = [...files];
    const uploader = async () => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const { filename, bytes } = file;
        await this.#judged(() => this.#uploadOne(filename, bytes));
      }
    };
    await Promise.all(Array.from({ length: HOSTILE_UPLOADERS }, uploader));
  }

  async #uploadOne(filename: string, bytes: Buffer): Promise<void> {
    const api = this.#api();
    const began = performance.now();
    const id = await api.upload(bytes, { filename, content_type: declaredTypeOf(filename) });
    const file = await api.settled(id, SETTLED_WITHIN_MS);
    const status = textAt(file, "status");
    const code = status === "failed" ? ` ${textAt(file, "error", "code")}: ${textAt(file, "error", "message")}` : "";
    const end = `${filename} (${bytes.length} bytes): ${status}${code}`;
    const line = `${end} after ${((performance.now() - began) / 1000).toFixed(1)} s`;
    this.#ends.push(line);
    this.#options.progress?.(line);
    if (code.startsWith(" internal")) this.#violations.push(end);
  }

  async #judged<Result>(work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await work();
    } catch (error) {
      if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push(String(error));
      return null;
    }
  }

  /** Memory comes back when the collector finds time: looked at for a while. */
  async #rssBack(pid: number, target: number): Promise<number> {
    const until = performance.now() + RSS_BACK_WITHIN_MS;
    while (rssMib(pid) > target && performance.now() < until) await sleep(1000);
    return rssMib(pid);
  }

  #api(): Api {
    return new Api(this.#server.url, this.#server.key);
  }
}

/** Uploads a note and waits until it is indexed; then it must be found. */
async function searchableMs(api: Api, word: string): Promise<number> {
  const note = Buffer.from(`A note of one page about ${word}. ${"The pilot boards at the outer buoy. ".repeat(40)}`);
  const session = await api.create(note.length);
  const put = await http(session.url, { method: "PUT", body: note });
  if (put.status !== 200) throw new Error(`PUT of a note: ${put.status} ${put.text}`);
  const began = performance.now();
  const finalized = await api.finalize(session.id);
  if (finalized.status !== 201) throw new Error(`finalize of a note: ${finalized.status} ${finalized.text}`);
  const file = await api.settled(textAt(finalized.json, "id"));
  const ms = performance.now() - began;
  if (textAt(file, "status") !== "indexed") throw new Error(`a note was not indexed: ${shown(file)}`);
  const { json } = await api.search({ query: word, bucket: api.bucket });
  const results = at(json, "results");
  if (!Array.isArray(results) || results.length === 0) throw new Error(`a note was not found: ${shown(json)}`);
  return ms;
}

function figure(name: string, value: number, atMost: number): Figure {
  return { name, value, atMost, met: value <= atMost };
}

function p95(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0);
}

function rssMib(pid: number): number {
  return Math.round(levelsOf(pid).rssBytes / 2 ** 20);
}
