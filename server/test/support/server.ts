import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LIMITS } from "../../src/limits.ts";
import { inheritedEnvironment } from "./config.ts";
import { at, textAt, wholeJson } from "./json.ts";

const CLI = join(import.meta.dirname, "../../../cli/main.ts");
/** Ends are for a machine that does other things. */
const READY_WITHIN_MS = 300_000;

/** A real `wharf serve` on loopback with a data folder of its own. */
export class TestServer {
  readonly dataDir: string;
  readonly #env: Record<string, string>;
  readonly #openFiles: number | null;
  #process: ChildProcess | null = null;
  #log = "";
  #url = "";
  /** The first key, of the team `default`. */
  key = "";

  private constructor(dataDir: string, settings: Readonly<Record<string, string>>, openFiles: number | null) {
    this.dataDir = dataDir;
    this.#openFiles = openFiles;
    this.#env = {
      ...inheritedEnvironment(),
      WHARF_PORT: "0",
      WHARF_DATA_DIR: dataDir,
      WHARF_CREATES_PER_SECOND: "100000",
      WHARF_DISK_RESERVE_BYTES: "0",
      WHARF_LOG_LEVEL: "info",
      ...settings,
    };
  }

  /**
   * `settings` are environment variables; creates are not limited unless they say so. `under`: where its data folder is
   * made. `openFiles`: how many it may have open; default: as many as this process.
   */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    under = tmpdir(),
    openFiles: number | null = null,
  ): Promise<TestServer> {
    const server = new TestServer(await mkdtemp(join(under, "wharf-acceptance-")), settings, openFiles);
    try {
      await server.begin();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Base without `/v1`. */
  get url(): string {
    return this.#url;
  }

  /** What the server has logged so far: JSON lines. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("the server is not running");
    return pid;
  }

  /** False once the process has ended, by itself too. */
  get isRunning(): boolean {
    return this.#process !== null && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Starts the process on the same data folder; `changed` settings hold for this run. */
  async begin(changed: Readonly<Record<string, string>> = {}): Promise<void> {
    const serve = [process.execPath, CLI, "serve", "--json"];
    const limit = `ulimit -n ${this.#openFiles ?? "unlimited"} && exec "$0" "$@"`;
    const [command = "", ...args] = this.#openFiles === null ? serve : ["/bin/sh", "-c", limit, ...serve];
    const child = spawn(command, args, {
      env: { ...this.#env, ...changed },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    let printed = "";
    child.stderr.on("data", (piece) => {
      this.#log += piece;
    });
    const ready = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the server did not start in time")), READY_WITHIN_MS);
      child.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`the server ended with ${code}: ${this.#log.slice(-2000)}`));
      });
      child.stdout.on("data", (piece) => {
        printed += piece;
        const document = wholeJson(printed);
        if (document === undefined) return;
        clearTimeout(timer);
        resolve(document);
      });
    });
    const started = await ready;
    this.#url = textAt(started, "url");
    if (at(started, "first_key") !== null) this.key = textAt(started, "first_key", "key");
  }

  /** A key of a team, made beside the running server. */
  async mintKey(team: string, scopes?: string): Promise<string> {
    const more = scopes === undefined ? [] : ["--scopes", scopes];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CLI, "keys", "create", "--team", team, "--name", "acceptance", ...more, "--json"],
      { env: this.#env },
    );
    return textAt(JSON.parse(stdout), "key");
  }

  /** Ends a key by its id, beside the running server. */
  async revokeKey(id: string): Promise<void> {
    await promisify(execFile)(process.execPath, [CLI, "keys", "revoke", id], { env: this.#env });
  }

  /**
   * Ends the process (SIGTERM: in order) and keeps the folder. Resolves with its exit code, null after a signal
   * that killed it.
   */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<number | null> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return child?.exitCode ?? null;
    const exited = once(child, "exit");
    child.kill(signal);
    const hung = setTimeout(() => child.kill("SIGKILL"), LIMITS.stopMs + 5000);
    await exited;
    clearTimeout(hung);
    return child.exitCode;
  }

  /** Ends the process and removes the folder. */
  async close(): Promise<void> {
    await this.end();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}
