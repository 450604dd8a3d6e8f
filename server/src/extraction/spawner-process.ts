import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, readdirSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";

/**
 * A process that starts the extraction children for the server (spawner.ts says why). It knows nothing of documents,
 * and ends with the server: its stdin closes, and it takes the children along.
 */

/** What the server asks of its spawner, over the IPC channel. */
export type ToSpawner =
  | { readonly kind: "spawn"; readonly id: number; readonly command: string; readonly args: readonly string[] }
  /**
   * SIGKILL. Nothing happens when it has ended: a pid may be somebody else's by then, so only its parent may send it.
   */
  | { readonly kind: "kill"; readonly id: number };

export type FromSpawner =
  /** With the server's end of the child's stdout, then of its stdin, as sockets. */
  | { readonly kind: "stdout" | "stdin"; readonly id: number; readonly pid: number }
  | { readonly kind: "ended"; readonly id: number; readonly end: ChildEnd };

/** How a child ended by itself or from outside. */
export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to stderr: for classifying its death, never for the log (it may quote the document). */
  readonly lastWords: string;
  /** It was lost with the process that started it, and neither it nor its document is to blame. */
  readonly lost?: true;
}

const LAST_WORDS_CHARS = 4096;
const STDERR = 2;
/** Of /proc/self/fdinfo: the descriptor is closed when another program is started. */
const CLOEXEC = 0o2000000;
const children = new Map<number, ChildProcess>();

closeInherited();
process.on("message", (message: ToSpawner) => {
  if (message.kind === "spawn") start(message.id, message.command, message.args);
  else children.get(message.id)?.kill("SIGKILL");
});
process.stdin.resume().once("close", () => {
  for (const child of children.values()) child.kill("SIGKILL");
  process.exit();
});
// Meant for the server, which lets running documents end first.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

/**
 * What whoever started the server had open, a lock of flock(1) say, would be handed on to every reader. Node marks what
 * it opens itself, and what it finds open, but only up to the first gap.
 */
function closeInherited(): void {
  for (const descriptor of inherited()) closeSync(descriptor);
}

function inherited(): readonly number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number).filter(isHandedOn);
  } catch {
    return [];
  }
}

function isHandedOn(descriptor: number): boolean {
  if (descriptor <= STDERR) return false;
  try {
    const [, flags = ""] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1")) ?? [];
    return (Number.parseInt(flags, 8) & CLOEXEC) === 0;
  } catch {
    // That of the list itself.
    return false;
  }
}

function start(id: number, command: string, args: readonly string[]): void {
  const child = spawn(command, args, {
    cwd: "/",
    env: {},
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own: Ctrl-C at a terminal does not reach it.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) {
    // Without descriptors or memory for it there are no streams either.
    child.once("error", (error) =>
      tell({ kind: "ended", id, end: { exitCode: null, signal: null, lastWords: error.message } }),
    );
    return;
  }
  let lastWords = "";
  child.stderr.setEncoding("latin1").on("data", (words: string) => {
    lastWords = (lastWords + words).slice(-LAST_WORDS_CHARS);
  });
  for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter.on("error", () => {});
  children.set(id, child);
  // stdin last. A socket that has been sent is still read here until the server has it, and what comes is lost; the
  // child says nothing before it has got its code, and Node sends a socket only when the one before has arrived.
  handOver({ kind: "stdout", id, pid }, child.stdout);
  handOver({ kind: "stdin", id, pid }, child.stdin);
  const silent = once(child.stderr, "close");
  child.once("exit", (exitCode, signal) => {
    children.delete(id);
    void silent.then(() => tell({ kind: "ended", id, end: { exitCode, signal, lastWords } }));
  });
}

function handOver(message: FromSpawner, stream: Readable | Writable): void {
  // Pipes of a child are sockets, which the types do not know.
  if (stream instanceof Socket) process.send?.(message, stream, { keepOpen: false }, ignoreClosed);
}

function tell(message: FromSpawner): void {
  process.send?.(message, ignoreClosed);
}

/** The server is gone, and so are we in a moment. */
function ignoreClosed(): void {}
