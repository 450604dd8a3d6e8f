import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Row } from "./figures.ts";

/** The machine in as many words as its figures need. */
function conditions(rounds: number): Readonly<Record<string, string>> {
  return {
    date: new Date().toISOString(),
    cores: String(availableParallelism()),
    node: process.version,
    median_of: String(rounds),
  };
}

const HEADS = ["what", "target", "figure", "floor", "ratio", "verdict", "note"];

/** The rows as a Markdown table whose columns also line up in a terminal. */
export function table(rows: readonly Row[]): string {
  const lines = [HEADS, ...rows.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const drawn = lines.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [drawn[0], rule, ...drawn.slice(1)].join("\n");
}

function cells({ what, target, figure, unit, floor, ratio, holds, note }: Row): readonly string[] {
  return [
    what,
    target,
    `${shown(figure)} ${unit}`.trim(),
    floor === null ? "" : `${shown(floor)} ${unit}`.trim(),
    ratio === null ? "" : `${ratio.toFixed(2)} ×`,
    holds === null ? "" : holds ? "holds" : "FAILS",
    note,
  ];
}

function shown(value: number): string {
  if (!Number.isFinite(value)) return "none";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(value < 1 ? 3 : 2);
}

/** Writes `<name>.json` and `<name>.md` into the folder and returns the second's path. */
export function writeResults(folder: string, name: string, rounds: number, rows: readonly Row[]): string {
  mkdirSync(folder, { recursive: true });
  const about = conditions(rounds);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...about, rows }, null, 2)}\n`);
  const path = join(folder, `${name}.md`);
  const lines = Object.entries(about).map(([key, value]) => `- ${key.replaceAll("_", " ")}: ${value}`);
  writeFileSync(path, `# Figures of ${name}\n\n${lines.join("\n")}\n\n${table(rows)}\n`);
  return path;
}
