import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";

/** Runs programs on a file system that fails on demand (`faultfs.c`). */

export interface FileOperation {
  /** Its number, what FAULT_AT names; 0 = a line that the scenario wrote itself. */
  readonly n: number;
  readonly op: string;
  readonly path: string;
  /**
   * The second path of link and rename, or offset and length of a write, or the new length of a truncate, or the rest
   * of a promise.
   */
  readonly more: readonly string[];
}

/** The compiled shim, or why there is none: the sentence is the test's reason to skip. */
export async function compileFaultFs(
  folder: string,
): Promise<{ readonly shim: string } | { readonly missing: string }> {
  if (process.platform !== "linux") return { missing: "the fault shim needs Linux" };
  const source = join(import.meta.dirname, "faultfs.c");
  const shim = join(folder, "faultfs.so");
  try {
    await promisify(execFile)("gcc", ["-O1", "-Wall", "-shared", "-fPIC", "-o", shim, source, "-ldl", "-lpthread"]);
    return { shim };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return { missing: "the fault shim needs gcc" };
    throw error;
  }
}

export interface Fault {
  /** Number of the operation that fails; 0 = none. */
  readonly at: number;
  readonly act: string;
}

/**
 * Runs a program of ours with the fault and returns how it ended. One pool thread: the operations' numbers are the
 * same every time.
 */
export async function runWithFault(options: {
  readonly shim: string;
  readonly root: string;
  readonly log: string;
  readonly fault: Fault;
  readonly program: string;
  readonly args: readonly string[];
}): Promise<{
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}> {
  const child = spawn(process.execPath, [options.program, ...options.args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      LD_PRELOAD: options.shim,
      FAULT_ROOT: `${options.root}/`,
      FAULT_LOG: options.log,
      FAULT_AT: String(options.fault.at),
      FAULT_ACT: options.fault.act,
      UV_THREADPOOL_SIZE: "1",
      UV_USE_IO_URING: "0",
      // Compiled once, not for each of some hundred runs.
      NODE_COMPILE_CACHE: join(dirname(options.shim), "compiled"),
    },
  });
  const [out, err, end] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { ...end, out, err };
}

export async function readFaultLog(path: string): Promise<FileOperation[]> {
  return (await readFile(path, "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [n = "0", op = "", path = "", ...more] = line.split(" ");
      return { n: Number(n), op, path, more };
    });
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
}
