import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

/** A Node process of the bench's own, told apart from the others by its pid alone. */
export interface Child {
  readonly pid: number;
  /** The first JSON document on its stdout. */
  readonly first: unknown;
  /** SIGTERM, then SIGKILL after 20 s. Resolves once it has ended. */
  end(): Promise<void>;
}

/**
 * Starts it, hands it `input` on stdin and waits for a JSON document on its stdout. Rejects with its stderr when it
 * ends before that.
 */
export async function startChild(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
    readonly withinMs: number;
    readonly half?: boolean;
  },
): Promise<Child> {
  const [command = "", ...words] = [...(options.half === true ? onHalfOfTheCores() : []), process.execPath, ...args];
  const child = spawn(command, words, { env: options.env ?? {}, stdio: ["pipe", "pipe", "pipe"] });
  // When the bench fails, nothing of it stays behind.
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  child.once("exit", () => process.off("exit", endWithUs));
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  const first = await firstDocument(child, options.withinMs);
  const { pid } = child;
  if (pid === undefined) throw new Error("the process did not start");
  return { pid, first, end: () => end(child) };
}

/** It and all that it starts. */
function onHalfOfTheCores(): readonly string[] {
  return ["/usr/bin/taskset", "--cpu-list", `0-${Math.max(1, Math.floor(availableParallelism() / 2)) - 1}`];
}

function firstDocument(child: ChildProcess, withinMs: number): Promise<unknown> {
  let printed = "";
  let complained = "";
  child.stderr?.on("data", (piece) => {
    complained = (complained + piece).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`no answer within ${withinMs} ms: ${complained}`));
    }, withinMs);
    // `close`, not `exit`: what it printed may still be on its way.
    child.once("close", (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}: ${complained}`));
    });
    child.stdout?.on("data", (piece) => {
      printed += piece;
      const document = whole(printed);
      if (document === undefined) return;
      clearTimeout(timer);
      resolve(document);
    });
  });
}

function whole(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const hung = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await exited;
  clearTimeout(hung);
}
