import { join } from "node:path";
import { type Child, startChild } from "./child.ts";

export interface Readers {
  readonly url: string;
  readonly key: string;
  readonly file: string;
  readonly count: number;
  /** Of each of them. */
  readonly bytesPerSecond: number;
}

/**
 * Slow readers of one file's content, in a process of their own. Resolves when each has its first bytes; `end`
 * cuts them all.
 */
export function startReaders(readers: Readers): Promise<Child> {
  const entry = join(import.meta.dirname, "../load/readers.ts");
  return startChild([entry], { input: JSON.stringify(readers), withinMs: 60_000 });
}
