import type { FileError, WatchedFile } from "./wire.ts";

/** Numbers, times and states as people read them. */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

export function bytes(count: number): string {
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** Made once: a page of a list asks a hundred times, and each would take as long as drawing a row. */
const NUMBERS = new Intl.NumberFormat("en");
const TIMES = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const EXACT_TIMES = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function count(number: number): string {
  return NUMBERS.format(number);
}

export function counted(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function when(rfc3339: string): string {
  return timeIn(TIMES, rfc3339);
}

export function exactly(rfc3339: string): string {
  return timeIn(EXACT_TIMES, rfc3339);
}

function timeIn(format: Intl.DateTimeFormat, rfc3339: string): string {
  const time = new Date(rfc3339);
  return Number.isNaN(time.getTime()) ? "" : format.format(time);
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

const STAGES: Readonly<Record<string, string>> = {
  waiting: "Waiting for a worker",
  extracting: "Reading the document",
  chunking: "Cutting it into passages",
  indexing: "Indexing",
  activating: "Becoming findable",
};

/** One line: what a file is doing now. */
export function doing(file: WatchedFile): string {
  const { status, task } = file;
  if (status === "indexed") return file.warnings.length === 0 ? "Findable" : "Findable, in part";
  if (status === "failed") return "Failed";
  if (status === "deleted") return "Deleted";
  if (task.status === "queued" && task.queuePosition !== null)
    return task.queuePosition <= 1 ? "Next in the queue" : `In the queue, place ${count(task.queuePosition)}`;
  const { progress } = task;
  const of =
    progress === null || progress.total === null
      ? ""
      : `: ${count(progress.done)} of ${count(progress.total)} ${progress.unit}`;
  return `${STAGES[task.stage] ?? "In the queue"}${of}`;
}

/**
 * Why a file cannot be read, and what to do. Who drops a file has set no content_type: the browser has, by its name.
 */
export function whyNot(error: FileError | null): string {
  if (error === null) return "";
  if (error.code !== "type_mismatch") return error.message;
  const found = /\(content_type says (.+), the content is (.+)\.\)$/.exec(error.message);
  const what = found === null ? "" : ` (By its name it is ${found[1]}, by its content ${found[2]}.)`;
  return `The content is not what the file's name says. Give it the right ending, or export it afresh, and drop it again.${what}`;
}

export type Tone = "good" | "bad" | "busy" | "quiet";

export function toneOf({ status }: Pick<WatchedFile, "status">): Tone {
  if (status === "indexed") return "good";
  if (status === "failed") return "bad";
  return status === "deleted" ? "quiet" : "busy";
}
