import { type ChildProcess, type SendHandle, spawn } from "node:child_process";
import { once } from "node:events";
import { getCompileCacheDir } from "node:module";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { startDeadline } from "../deadline.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { entryFile } from "../program/entry-file.ts";
import { ExtractorTrouble } from "./extractor.ts";
import type { ChildEnd, FromSpawner, ToSpawner } from "./spawner-process.ts";
import { endedTooEarly } from "./start-trouble.ts";

const CLOSE_WITHIN_MS = 2000;
const LAST_WORDS_CHARS = 4096;
const PROCESS = fileURLToPath(entryFile(new URL("./spawner-process.ts", import.meta.url)));

/** A process that was started. */
export interface Spawned {
  readonly pid: number;
  readonly stdin: Socket;
  readonly stdout: Socket;
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** SIGKILL; harmless when it is gone. */
  kill(): void;
}

/**
 * Starts processes by way of a small process that does nothing else. A start copies the page tables of the process
 * that asks for it, and stops it until the new one has loaded its program: 25 ms for a server of 600 MB on a quiet
 * machine, 100 ms on a busy one, in which it answers nobody, and from a thread of it two thirds of that. The
 * spawner's tables are small.
 *
 * Should it be killed, its children die with it (sandbox.ts, `--pdeathsig`; without that tool they are merely given
 * up), no document is to blame, and the next start begins a new one.
 */
export class Spawner {
  readonly #log: Log;
  readonly #prefix: readonly string[];
  readonly #children = new Map<number, Child>();
  #process: ChildProcess | null = null;
  #lastId = 0;
  #closed = false;
  /** It has started a child: before that, its end tells only that this machine does not allow its `prefix`. */
  #proven = false;

  /** `prefix`: the command that becomes the spawner; it prepares what the children are shut into (jail-walls.ts). */
  constructor(log: Log, prefix: readonly string[] = []) {
    this.#log = log;
    this.#prefix = prefix;
  }

  /** Throws ExtractorTrouble. */
  async spawn(command: string, args: readonly string[]): Promise<Spawned> {
    if (this.#closed) throw new ExtractorTrouble("The extraction pool is closed.");
    const spawner = this.#running();
    const id = ++this.#lastId;
    const child = new Child(spawner, id);
    this.#children.set(id, child);
    void child.ended.then(() => this.#children.delete(id));
    send(spawner, { kind: "spawn", id, command, args });
    const answered = expectAnswer(spawner);
    try {
      const spawned = await child.started;
      this.#proven = true;
      return spawned;
    } finally {
      answered();
    }
  }

  /** Ends the spawner, and with it whatever it has started. */
  async close(): Promise<void> {
    this.#closed = true;
    const spawner = this.#process;
    this.#process = null;
    if (spawner === null) return;
    const exited = once(spawner, "exit");
    spawner.stdin?.destroy();
    const impatient = setTimeout(() => spawner.kill("SIGKILL"), CLOSE_WITHIN_MS);
    await exited;
    clearTimeout(impatient);
  }

  #running(): ChildProcess {
    if (this.#process !== null) return this.#process;
    const node = [process.execPath, "--no-warnings", "--disable-sigusr1", PROCESS];
    const [command = process.execPath, ...args] = [...this.#prefix, ...node];
    const spawner = spawn(command, args, {
      env: environment(),
      // stdin is its lifeline: it closes when this process is gone, however it went. The channel does not do: Node
      // keeps it up while a socket that was sent is not acknowledged, and a server that is killed just then never does.
      stdio: ["pipe", "ignore", "pipe", "ipc"],
      // Ctrl-C at a terminal is meant for the server.
      detached: true,
    });
    let words = "";
    spawner.stderr?.setEncoding("latin1").on("data", (more: string) => {
      words = (words + more).slice(-LAST_WORDS_CHARS);
    });
    spawner.stdin?.on("error", () => {});
    spawner.on("message", (message, handle) => this.#hear(message, handle));
    spawner.once("error", (error) => this.#lost(spawner, error.message, words));
    spawner.once("close", (code, signal) => this.#lost(spawner, `${signal ?? `exit code ${code}`}`, words));
    this.#process = spawner;
    return spawner;
  }

  #hear(message: unknown, handle: SendHandle | undefined): void {
    if (!isFromSpawner(message)) return;
    const child = this.#children.get(message.id);
    const socket = handle instanceof Socket ? handle : null;
    if (child === undefined) socket?.destroy();
    else if (message.kind === "ended") child.end(message.end);
    else child.take(message, socket);
  }

  /** `words` are its own, or those of the tools before it: no reader writes there. */
  #lost(spawner: ChildProcess, why: string, words: string): void {
    if (this.#process === spawner) {
      this.#process = null;
      if (this.#proven)
        this.#log.warn(
          { why, words },
          "the process that starts extraction children ended; the next document starts another",
        );
    }
    for (const child of this.#children.values())
      if (child.spawner === spawner) child.end({ exitCode: null, signal: "SIGKILL", lastWords: words, lost: true });
  }
}

/** It finds its code compiled where this process does (tools/bootstrap.mjs); it passes nothing on to its children. */
function environment(): NodeJS.ProcessEnv {
  const compiled = getCompileCacheDir();
  return compiled === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compiled) };
}

/** One child, from the request to its end. */
class Child {
  readonly spawner: ChildProcess;
  readonly started: Promise<Spawned>;
  readonly ended: Promise<ChildEnd>;
  readonly #started = Promise.withResolvers<Spawned>();
  readonly #ended = Promise.withResolvers<ChildEnd>();
  readonly #id: number;
  #stdout: Socket | null = null;

  constructor(spawner: ChildProcess, id: number) {
    this.spawner = spawner;
    this.#id = id;
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    this.started.catch(() => {});
  }

  /**
   * `socket` null: it was lost on the way, because this process may open no more files just now, or the child is
   * gone already.
   */
  take({ kind, pid }: Extract<FromSpawner, { pid: number }>, socket: Socket | null): void {
    // A child that dies while it is being fed gives EPIPE; unheard, that would end the server. Its end is
    // told by `ended`.
    socket?.on("error", () => {});
    if (kind === "stdout") {
      this.#stdout = socket;
      return;
    }
    const stdout = this.#stdout;
    if (socket === null || stdout === null) {
      socket?.destroy();
      stdout?.destroy();
      this.#kill();
      return;
    }
    // Whatever ends it closes its output; how it ended, the spawner tells.
    stdout.once("close", () => void this.ended.then(expectAnswer(this.spawner)));
    this.#started.resolve({ pid, stdin: socket, stdout, ended: this.ended, kill: () => this.#kill() });
  }

  #kill(): void {
    send(this.spawner, { kind: "kill", id: this.#id });
  }

  end(end: ChildEnd): void {
    this.#ended.resolve(end);
    this.#started.reject(endedTooEarly(end));
  }
}

/**
 * A spawner that owes an answer for limits.childStartMs is stopped, or out of its mind: it is ended, so that nobody
 * waits for it for ever. Returns how to say that it has answered.
 */
function expectAnswer(spawner: ChildProcess): () => void {
  return startDeadline(LIMITS.childStartMs, () => spawner.kill("SIGKILL"));
}

/** A spawner that has just ended is heard of by its exit. */
function send(spawner: ChildProcess, message: ToSpawner): void {
  if (spawner.connected) spawner.send(message, () => {});
}

/** Only the spawner writes to the channel. */
function isFromSpawner(message: unknown): message is FromSpawner {
  return typeof message === "object" && message !== null && "kind" in message && "id" in message;
}
