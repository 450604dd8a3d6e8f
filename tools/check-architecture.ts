import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findCycles } from "./architecture/cycles.ts";
import { judgeProductImports } from "./architecture/product-imports.ts";
import { isTest, RULES, resolveImport, roomOf, type Violation } from "./architecture/rules.ts";
import { readSource, type SourceText } from "./architecture/source-text.ts";
import { isEntry, namesIn } from "./packages/lockfile.ts";

/** The architecture gate, over every TypeScript file below `root`, with its package.json. Part of `npm run check`. */
export async function checkArchitecture(root: string): Promise<readonly Violation[]> {
  const sources: SourceText[] = [];
  for await (const path of glob("{server,cli,tools,bench,dashboard,sdk/src,examples}/**/*.ts", { cwd: root }))
    sources.push(readSource(path.replaceAll("\\", "/"), await readFile(join(root, path), "utf8")));
  // Scripts that run before TypeScript can; the other rules are about server code.
  const scripts: SourceText[] = [];
  for await (const path of glob(["{server,tools}/**/*.mjs", "bin/*"], { cwd: root }))
    scripts.push(readSource(path.replaceAll("\\", "/"), await readFile(join(root, path), "utf8")));
  const dependencies = await dependenciesOf(root);
  const violations = [
    ...sources.flatMap((source) => RULES.flatMap((rule) => rule(source))),
    ...[...sources, ...scripts].flatMap((source) => judgeProductImports(source, dependencies)),
    ...cyclesIn(sources),
    ...roomCyclesIn(sources),
  ];
  return violations.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

async function dependenciesOf(root: string): Promise<ReadonlySet<string>> {
  const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return new Set((isEntry(manifest) ? namesIn(manifest, "dependencies") : []).map(([name]) => name));
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

/**
 * Rooms that need each other at run time: neither can be understood, tested or exchanged without the other. Tests may
 * stand anywhere.
 */
function roomCyclesIn(sources: readonly SourceText[]): readonly Violation[] {
  const arrows = sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ from, typeOnly, line }) => {
      const target = resolveImport(path, from);
      if (target === null || typeOnly || isTest(path) || isTest(target) || roomOf(path) === roomOf(target)) return [];
      return [{ from: roomOf(path), to: roomOf(target), path, line }];
    }),
  );
  const graph = new Map<string, string[]>();
  for (const { from, to } of arrows) graph.set(from, [...(graph.get(from) ?? []), to]);
  return findCycles(graph).map((cycle) => {
    const [from, to] = cycle;
    const { path = "", line = 1 } = arrows.find((arrow) => arrow.from === from && arrow.to === to) ?? {};
    return { path, line, say: `closes a cycle of folders: ${cycle.join(" → ")}` };
  });
}

if (import.meta.main) {
  const violations = await checkArchitecture(join(import.meta.dirname, ".."));
  for (const { path, line, say } of violations) console.error(`${path}:${line} ${say}.`);
  if (violations.length > 0) process.exitCode = 1;
}
