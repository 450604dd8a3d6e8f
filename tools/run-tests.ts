import { globSync } from "node:fs";
import { type EventData, run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/**
 * `npm test [-- <part of a path> …]`: every *.test.ts file of the repository, or those whose path holds one of the parts. Each file runs in
 * a process of its own. At the end it names what was skipped and why: a machine without a C compiler or a browser still gets a green run,
 * and knows what that run did not look at.
 */
async function runTests(parts: readonly string[]): Promise<boolean> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const all = globSync("{server,cli,tools,sdk,mcp,dashboard,bench,examples}/**/*.test.ts", { cwd: root }).sort();
  const files = parts.length === 0 ? all : all.filter((file) => parts.some((part) => file.includes(part)));
  if (files.length === 0) throw new Error(`no test file has ${parts.join(" or ")} in its path`);

  const skipped: string[] = [];
  let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
  const events = run({ cwd: root, files, concurrency: AT_ONCE, timeout: FILE_TIMEOUT_MS });
  events.on("test:pass", (event) => {
    if (event.skip !== undefined && event.skip !== false) skipped.push(`${event.name}: ${reasonOf(event.skip)}`);
  });
  events.on("test:summary", (event) => {
    // One for each file, then one for all.
    if (event.file === undefined) counts = countsOf(event);
  });
  for await (const text of events.compose(spec)) process.stdout.write(String(text));

  if (skipped.length > 0) process.stdout.write(`\nSkipped, and why:\n${skipped.map((line) => `  ${line}\n`).join("")}`);
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  return counts.failed === 0;
}

/** Two server processes with their extraction children already fill two cores; more only makes timings worse. */
const AT_ONCE = 2;
/** A test that hangs must not hang the run; what takes half a minute alone took ten at a load of 40 on two cores. */
const FILE_TIMEOUT_MS = 30 * 60 * 1000;

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
