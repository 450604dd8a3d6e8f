import { availableParallelism } from "node:os";
import {
  type ExtractionEvent,
  ExtractionFault,
  type ExtractionSource,
  type Extractor,
} from "../../src/extraction/extractor.ts";
import { createExtractionPool } from "../../src/extraction/pool.ts";
import { LIMITS } from "../../src/limits.ts";
import { createLog } from "../../src/log.ts";
import { ChildWatch } from "./child-watch.ts";
import { type MutatedFile, MutationCorpus } from "./mutation-corpus.ts";
import { Canary, Surroundings } from "./surroundings.ts";

export interface MutationOptions {
  readonly seed: number;
  /** Numbers of the files to read: each is made from the seed and its number alone. */
  readonly from: number;
  readonly files: number;
  /** Folder of documents to damage besides the built-in ones. */
  readonly seedsFolder: string | null;
  /** Begin no further file after this time. */
  readonly withinMs: number;
  readonly progress?: (line: string) => void;
}

export interface MutationReport {
  readonly files: number;
  readonly seconds: number;
  readonly filesPerSecond: number;
  /** How many ended how: `pages`, or the fault's code. */
  readonly ends: Readonly<Record<string, number>>;
  /** Faults that took a child's life (crash, time, memory), by message. Allowed, and worth knowing. */
  readonly deaths: readonly string[];
  /**
   * Files whose reader met an error that it did not expect. Answered as damaged; each is a defect of ours to look at.
   */
  readonly stumbles: readonly string[];
  readonly slowest: readonly string[];
  readonly childPeakRssMib: number;
  readonly children: number;
  readonly violations: readonly string[];
}

const SLOWEST_SHOWN = 10;
const MAX_VIOLATIONS = 50;
/** The pool ends a document by its own limits long before. */
const HANG_MS = LIMITS.childWallMs + LIMITS.childStartMs + 20_000;
const PROGRESS_EVERY = 500;

/**
 * Damages documents and gives each to the real pool of jailed children, as many at once as the machine has cores. What
 * must hold for each: the pool answers with pages or with a typed fault, within its limits; page numbers, chunk ranges
 * and texts fit together; nobody calls the planted address or asks for a network; no file appears anywhere.
 */
export async function runMutations(options: MutationOptions): Promise<MutationReport> {
  const canary = await Canary.start();
  const corpus = await MutationCorpus.open(options.seed, canary.address, options.seedsFolder);
  const surroundings = await Surroundings.enter();
  const places = availableParallelism();
  const pool = await createExtractionPool({ places, log: createLog("error") });
  const watch = new ChildWatch(() => process.pid);
  const run = new MutationRun(pool, corpus, options);
  await Promise.all(Array.from({ length: places }, () => run.work()));
  const sightings = watch.stop();
  await pool.close();
  for (const path of await surroundings.leave()) run.violation(`a file appeared: ${path}`);
  await canary.close();
  if (canary.connections > 0) run.violation(`${canary.connections} connections to the planted address`);
  if (sightings.networkAttempts > 0) run.violation(`${sightings.networkAttempts} children tried to use a network`);
  return run.report(sightings);
}

class MutationRun {
  readonly #pool: Extractor;
  readonly #corpus: MutationCorpus;
  readonly #options: MutationOptions;
  readonly #began = performance.now();
  readonly #ends = new Map<string, number>();
  readonly #deaths: string[] = [];
  readonly #stumbles: string[] = [];
  readonly #violations: string[] = [];
  #slowest: readonly { readonly ms: number; readonly what: string }[] = [];
  #next: number;
  #done = 0;

  constructor(pool: Extractor, corpus: MutationCorpus, options: MutationOptions) {
    this.#pool = pool;
    this.#corpus = corpus;
    this.#options = options;
    this.#next = options.from;
  }

  async work(): Promise<void> {
    const { from, files, withinMs, progress } = this.#options;
    while (this.#next < from + files && this.#violations.length < MAX_VIOLATIONS) {
      if (performance.now() - this.#began > withinMs) break;
      await this.#judge(this.#corpus.file(this.#next++));
      this.#done += 1;
      if (this.#done % PROGRESS_EVERY === 0)
        progress?.(
          `${this.#done} files, ${this.#rate()}/s, ${this.#deaths.length} deaths, ${this.#stumbles.length} stumbles, ${this.#violations.length} violations`,
        );
    }
  }

  violation(what: string): void {
    this.#violations.push(what);
  }

  report(sightings: { readonly peakRssBytes: number; readonly children: number }): MutationReport {
    return {
      files: this.#done,
      seconds: Math.round((performance.now() - this.#began) / 100) / 10,
      filesPerSecond: this.#rate(),
      ends: Object.fromEntries([...this.#ends].sort()),
      deaths: this.#deaths,
      stumbles: this.#stumbles,
      slowest: this.#slowest.map(({ ms, what }) => `${ms} ms: ${what}`),
      childPeakRssMib: Math.round(sightings.peakRssBytes / 1024 / 1024),
      children: sightings.children,
      violations: this.#violations,
    };
  }

  #rate(): number {
    return Math.round((this.#done * 1000) / (performance.now() - this.#began));
  }

  async #judge(file: MutatedFile): Promise<void> {
    const began = performance.now();
    const hang = new AbortController();
    const timer = setTimeout(() => hang.abort(new Error("hang")), HANG_MS);
    const end = await Promise.race([this.#read(file, hang.signal), hung(hang.signal)]);
    clearTimeout(timer);
    this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
    const took = { ms: Math.round(performance.now() - began), what: `${end}, ${this.#corpus.reproduce(file)}` };
    this.#slowest = [...this.#slowest, took].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST_SHOWN);
  }

  /** Never rejects. How the file ended. */
  async #read(file: MutatedFile, signal: AbortSignal): Promise<string> {
    const again = this.#corpus.reproduce(file);
    try {
      await readAndCheck(this.#pool, file, signal);
      return "pages";
    } catch (error) {
      if (!(error instanceof ExtractionFault)) {
        this.violation(`${String(error)}: ${again}`);
        return "violation";
      }
      if (error.code === "internal") this.violation(`${error.message}: ${again}`);
      else if (error.death) this.#deaths.push(`${error.message}: ${again}`);
      // read-document.ts names the class of an error that no reader foresaw.
      else if (/Reading stopped on page \d+: \w+\./.test(error.message))
        this.#stumbles.push(`${error.message}: ${again}`);
      return error.code;
    }
  }
}

async function hung(signal: AbortSignal): Promise<string> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  // What the abort itself does to a pool that still works comes first; only one that does not answer is a hang.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  return "hang";
}

async function readAndCheck(pool: Extractor, file: MutatedFile, signal: AbortSignal): Promise<void> {
  async function* open(): AsyncGenerator<Uint8Array> {
    yield file.bytes;
  }
  const { filename, declaredType, bytes } = file;
  const source: ExtractionSource = {
    teamId: "team_a",
    filename,
    title: "",
    declaredType,
    sizeBytes: bytes.length,
    open,
  };
  const seen: Seen = { page: 0, text: "", chars: 0, chunks: 0, typed: false };
  for await (const together of pool.extract(source, { signal, lane: "fast" }))
    for (const event of together) check(event, seen);
  if (seen.chunks === 0) throw new Error("it was read without any text");
}

interface Seen {
  page: number;
  text: string;
  chars: number;
  chunks: number;
  typed: boolean;
}

function check(event: ExtractionEvent, seen: Seen): void {
  switch (event.kind) {
    case "type":
      must(!seen.typed && seen.page === 0, "the type comes once, and first");
      seen.typed = true;
      return;
    case "page":
      must(seen.typed && event.page.page === seen.page + 1, "pages come in order");
      seen.page = event.page.page;
      seen.text = event.page.text;
      seen.chars += seen.text.length;
      must(seen.text.isWellFormed() && !/[\0\ufffe\uffff]/.test(seen.text), "text is well formed");
      must(event.page.label?.isWellFormed() ?? true, "labels are well formed");
      must(seen.page <= LIMITS.extractedPages && seen.chars <= LIMITS.extractedChars, "text is within its limits");
      return;
    case "chunks":
      for (const { page, charStart, charEnd, text } of event.chunks) {
        must(page === seen.page && charStart >= 0 && charStart < charEnd, "a chunk lies in its page");
        must(charEnd <= seen.text.length && charEnd - charStart <= LIMITS.chunkMaxChars, "a chunk lies in its page");
        must(text === seen.text.slice(charStart, charEnd), "a chunk is a part of its page");
      }
      seen.chunks += event.chunks.length;
      return;
    case "progress":
      must(event.done === seen.page && (event.total === null || event.done <= event.total), "progress is true");
      return;
  }
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not true: ${what}`);
}
