import { globSync } from "node:fs";
import { relative } from "node:path";
import { type EventData, run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { compileCache, keepCompiled } from "./bootstrap.mjs";

/**
 * `npm test [-- <part of a path> …]`: every *.test.ts file of the repository, or those whose path holds one of the
 * parts. Each file runs in a process of its own. At the end it names what was skipped and why: a machine without a C
 * compiler or a browser still gets a green run, and knows what that run did not look at.
 */
async function runTests(parts: readonly string[]): Promise<boolean> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const all = globSync("{server,cli,tools,sdk,mcp,dashboard,bench,examples}/**/*.test.ts", { cwd: root }).sort();
  const files = parts.length === 0 ? all : all.filter((file) => parts.some((part) => file.includes(part)));
  if (files.length === 0) throw new Error(`no test file has ${parts.join(" or ")} in its path`);

  // Every file loads most of the product in a process of its own, and in that of each server that it starts.
  keepCompiled(compileCache);
  const skipped: string[] = [];
  const times: FileTime[] = [];
  let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
  const events = run({ cwd: root, files, concurrency: AT_ONCE, timeout: FILE_TIMEOUT_MS });
  events.on("test:pass", (event) => {
    if (event.skip !== undefined && event.skip !== false) skipped.push(`${event.name}: ${reasonOf(event.skip)}`);
  });
  events.on("test:summary", (event) => {
    // One for each file, then one for all.
    if (event.file === undefined) counts = countsOf(event);
    else times.push({ file: relative(root, event.file), seconds: event.duration_ms / 1000 });
  });
  for await (const text of events.compose(spec)) process.stdout.write(String(text));

  if (skipped.length > 0) process.stdout.write(`\nSkipped, and why:\n${skipped.map((line) => `  ${line}\n`).join("")}`);
  process.stdout.write(slowest(times));
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  return counts.failed === 0;
}

/**
 * Many files wait for timers, browsers and restarts: two at once use half of two cores. What is timed has
 * generous ends.
 */
const AT_ONCE = 3;
/** A test that hangs must not hang the run; what takes half a minute alone took ten at a load of 40 on two cores. */
const FILE_TIMEOUT_MS = 30 * 60 * 1000;

/** So many files are named with their time: a run that grows too long is shortened where it is long. */
const SLOWEST_SHOWN = 15;

interface FileTime {
  readonly file: string;
  readonly seconds: number;
}

function slowest(times: readonly FileTime[]): string {
  if (times.length <= SLOWEST_SHOWN) return "";
  const first = times.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN);
  const lines = first.map(({ file, seconds }) => `  ${seconds.toFixed(0).padStart(4)} s  ${file}\n`);
  return `\nThe slowest of ${times.length} files:\n${lines.join("")}`;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

function countsOf({ counts }: EventData.TestSummary): Counts {
  const { tests, passed, skipped, todo } = counts;
  // Cancelled ones too: what did not come to an end has proven nothing.
  return { passed, failed: tests - passed - skipped - todo, skipped };
}

function reasonOf(skip: string | boolean): string {
  return typeof skip === "string" ? skip : "no reason given";
}

if (import.meta.main) process.exitCode = (await runTests(process.argv.slice(2))) ? 0 : 1;
