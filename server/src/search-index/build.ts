import type { TaskId } from "../ids.ts";

/**
 * A claim's own name for the chunks and the text that it writes. Index and catalogue are two files, so a fence read in
 * one does not guard a write in the other: an attempt that lost its lease could write after its successor. Under a name
 * of its own it can only write garbage, which nobody sees and maintenance removes.
 */
export function buildName(task: TaskId, attempt: number): string {
  return `${task}_${attempt}`;
}
