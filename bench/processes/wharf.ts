import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descendants } from "../../server/test/faults/processes.ts";
import { at, textAt } from "../../server/test/support/json.ts";
import { type Child, startChild } from "./child.ts";
import { type ServerTime, serverTime } from "./processor-time.ts";

/** This checkout. */
export const PROGRAM: string = join(import.meta.dirname, "../..");
const READY_WITHIN_MS = 600_000;

export interface WharfOptions {
  /** Leaves a CPU profile of each thread there; see Options.profile. */
  readonly profile: string | null;
  /** See Options.half. */
  readonly half?: boolean;
  /** The checkout whose server it is; left out = this one. */
  readonly program?: string;
}

/** The real server, `wharf serve`, in a temporary folder; the rate limit alone is lifted. */
export class Wharf {
  readonly dataDir: string;
  readonly #options: WharfOptions;
  #child: Child | null = null;
  url = "";
  key = "";
  /** From the start of the process to its first answer. */
  startMs = 0;

  private constructor(options: WharfOptions) {
    this.#options = options;
    this.dataDir = mkdtempSync(join(tmpdir(), "wharf-bench-"));
  }

  static async start(options: WharfOptions): Promise<Wharf> {
    const wharf = new Wharf(options);
    await wharf.begin();
    return wharf;
  }

  /** Starts the process (again) on the same folder, of another version when `program` says so. */
  async begin(program: string = this.#options.program ?? PROGRAM): Promise<void> {
    const { profile } = this.#options;
    const flags = profile === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    const began = performance.now();
    this.#child = await startChild([...flags, commandLine(program), "serve", "--json"], {
      withinMs: READY_WITHIN_MS,
      half: this.#options.half ?? false,
      env: {
        WHARF_PORT: "0",
        WHARF_DATA_DIR: this.dataDir,
        WHARF_CREATES_PER_SECOND: "100000",
        WHARF_LOG_LEVEL: "warn",
      },
    });
    this.startMs = performance.now() - began;
    this.url = textAt(this.#child.first, "url");
    if (at(this.#child.first, "first_key") !== null) this.key = textAt(this.#child.first, "first_key", "key");
  }

  /** Ends the process and keeps the folder. */
  async end(): Promise<void> {
    await this.#child?.end();
    this.#child = null;
  }

  async close(): Promise<void> {
    await this.end();
    rmSync(this.dataDir, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Resident memory of the server process, in bytes. */
  memoryBytes(): number {
    return residentBytes(this.#pid());
  }

  /** Of each process that reads documents, and of the one that starts them. */
  childrenBytes(): readonly number[] {
    return descendants(this.#pid()).map(residentBytes);
  }

  /** Processor time of each of its parts so far. */
  processorTime(): ServerTime {
    return serverTime(this.#pid());
  }

  #pid(): number {
    if (this.#child === null) throw new Error("the server is not running");
    return this.#child.pid;
  }
}

/** The command line of a checkout: as people start it, or its source where bin/wharf would start another process. */
export function commandLine(program: string): string {
  return join(program, existsSync(join(program, "tools/program.mjs")) ? "bin/wharf" : "cli/main.ts");
}

/** 0 for a process that is gone. */
function residentBytes(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}
