import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findCycles } from "./architecture/cycles.ts";
import { RULES, resolveImport, type Violation } from "./architecture/rules.ts";
import { readSource, type SourceText } from "./architecture/source-text.ts";

/** The architecture gate, over every TypeScript file below `root`. Part of `npm run check`. */
export async function checkArchitecture(root: string): Promise<readonly Violation[]> {
  const sources: SourceText[] = [];
  for await (const path of glob("{server,cli,tools,bench}/**/*.ts", { cwd: root }))
    sources.push(readSource(path.replaceAll("\\", "/"), await readFile(join(root, path), "utf8")));
  const violations = [...sources.flatMap((source) => RULES.flatMap((rule) => rule(source))), ...cyclesIn(sources)];
  return violations.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

function cyclesIn(sources: readonly SourceText[]): readonly Violation[] {
  const graph = new Map(
    sources.map(({ path, imports }) => [path, imports.flatMap(({ from }) => resolveImport(path, from) ?? [])] as const),
  );
  return findCycles(graph).map((cycle) => {
    const [path = "", next = ""] = cycle;
    const line = sources
      .find((source) => source.path === path)
      ?.imports.find(({ from }) => resolveImport(path, from) === next)?.line;
    return { path, line: line ?? 1, say: `is part of an import cycle: ${cycle.join(" → ")}` };
  });
}

if (import.meta.main) {
  const violations = await checkArchitecture(join(import.meta.dirname, ".."));
  for (const { path, line, say } of violations) console.error(`${path}:${line} ${say}.`);
  if (violations.length > 0) process.exitCode = 1;
}
