import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Environment, startIn } from "../../src/extraction/fixtures/environments.ts";
import { descendants, isAlive } from "../faults/processes.ts";
import { Api } from "../support/api.ts";
import { textAt, wholeJson } from "../support/json.ts";

/** A checkout whose readers are taken over (patched-tree.ts), as a server in one of the environments. */
export class AttackedServer {
  readonly catalogue: string;
  readonly #tree: string;
  readonly #environment: Environment;
  readonly #folder: string;
  readonly #dataDir: string;
  #process: ChildProcess | null = null;
  #url = "";
  /** The first key, of the team whose document takes the reader over. */
  #key = "";

  private constructor(tree: string, environment: Environment, folder: string) {
    this.#tree = tree;
    this.#environment = environment;
    this.#folder = folder;
    this.#dataDir = join(folder, "server");
    this.catalogue = join(this.#dataDir, "catalogue.db");
  }

  /** `folder` stays writable in the environment. */
  static async start(tree: string, environment: Environment, folder: string): Promise<AttackedServer> {
    const server = new AttackedServer(tree, environment, folder);
    mkdirSync(server.#dataDir, { mode: 0o700 });
    const { user } = environment;
    if (user !== null) chownSync(server.#dataDir, user, user);
    await server.begin();
    return server;
  }

  /** (Again), on the same folder. */
  async begin(): Promise<void> {
    const child = this.#run(["serve", "--json"]);
    this.#process = child;
    if (child.stdout === null) throw new Error("its output is not piped");
    let printed = "";
    for await (const piece of child.stdout) {
      printed += piece;
      const started = wholeJson(printed);
      if (started === undefined) continue;
      this.#url = textAt(started, "url");
      if (this.#key === "") this.#key = textAt(started, "first_key", "key");
      break;
    }
    this.showVictims();
  }

  get evil(): Api {
    return new Api(this.#url, this.#key);
  }

  asKey(key: string): Api {
    return new Api(this.#url, key);
  }

  /** Of another team. */
  async another(team: string): Promise<Api> {
    const { stdout } = this.#run(["keys", "create", "--team", team, "--name", "test", "--json"]);
    if (stdout === null) throw new Error("its output is not piped");
    return this.asKey(textAt(JSON.parse(await text(stdout)), "key"));
  }

  /** The server and all that it has started: numbers for a reader to kill. */
  showVictims(): readonly number[] {
    const pid = this.#process?.pid ?? 0;
    const victims = [pid, ...descendants(pid)];
    writeFileSync(join(this.#tree, VICTIMS), JSON.stringify(victims));
    return victims;
  }

  get isRunning(): boolean {
    return isAlive(this.#process?.pid ?? 0);
  }

  get memoryBytes(): number {
    const status = readFileSync(`/proc/${this.#process?.pid}/status`, "latin1");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }

  get diskBytes(): number {
    const files = readdirSync(this.#dataDir, { recursive: true, withFileTypes: true });
    return files.reduce((sum, entry) => sum + sizeOf(join(entry.parentPath, entry.name)), 0);
  }

  async close(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  #run(command: readonly string[]): ChildProcess {
    const settings = ["WHARF_PORT=0", `WHARF_DATA_DIR=${this.#dataDir}`, "WHARF_CREATES_PER_SECOND=100000"];
    const program = [process.execPath, join(this.#tree, "cli/main.ts"), ...command];
    return startIn(this.#environment, this.#folder, ["/usr/bin/env", ...settings, ...program], "ignore");
  }
}

const VICTIMS = "server/src/extraction/fixtures/attacks/victims.json";

/** 0 for one that is gone: a server works in there. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
