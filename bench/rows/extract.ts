import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { at, listAt } from "../../server/test/support/json.ts";
import { medians, type Row, row } from "../figures.ts";
import { BarePdf } from "../floors/pdf.ts";
import type { Options } from "../options.ts";
import { run } from "../processes/command.ts";
import { PROGRAM } from "../processes/wharf.ts";
import { pdfOf } from "./documents.ts";

const READING = join(import.meta.dirname, "../load/reading.ts");
const PDF_PAGES = 100;

interface Reading {
  readonly now: number;
  readonly before: number;
  readonly firstNow: number;
  readonly firstBefore: number;
}

/**
 * How much processor time reading a document takes, format by format, beside an earlier version in turns: later
 * documents, when the engine has compiled the reader, and the first one of a process. Means are geometric, so each file
 * counts as much as any other. And PDFium, beside what we do with what it gives.
 */
export async function extract(options: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-extract-"));
  try {
    const now = await strippedCode(PROGRAM, join(folder, "now.json"));
    const rows = [await pdfBesidePdfium(now, folder, options.rounds)];
    const { documents, earlier } = options;
    if (documents === null || earlier === null) return rows;
    const before = await strippedCode(earlier, join(folder, "before.json"));
    for (const [format, files] of byFormat(documents)) {
      const readings = new Map<string, Reading>();
      for (const file of files) {
        const found = await compared(file, now, before, options.rounds);
        if (found !== null) readings.set(file, found);
      }
      if (readings.size > 0) rows.push(...rowsOf(format, readings, files.length));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Stripping types is most of a bare process's start, and no reader does it (server/src/extraction/reader-code.ts). */
async function strippedCode(checkout: string, path: string): Promise<string> {
  const source = join(checkout, "server/src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const sources = files.map((name) => {
    const file = join(source, name);
    return [pathToFileURL(file).href, stripTypeScriptTypes(readFileSync(file, "utf8"))];
  });
  writeFileSync(path, JSON.stringify({ checkout, sources: Object.fromEntries(sources) }));
  return path;
}

/** By the ends of their names. */
function byFormat(folder: string): ReadonlyMap<string, readonly string[]> {
  const files = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && extname(path) !== "");
  const formats = Map.groupBy(files.sort(), (path) => extname(path).slice(1).toLowerCase());
  return new Map([...formats].sort(([a], [b]) => a.localeCompare(b)));
}

/** Null: one of the two does not read it, and to refuse takes another time. */
async function compared(file: string, now: string, before: string, rounds: number): Promise<Reading | null> {
  if ((await reading(file, now)) === null || (await reading(file, before)) === null) return null;
  const found = await medians(rounds, async () => {
    const [later = Number.NaN, laterBefore = Number.NaN] = (await reading(file, now, before)) ?? [];
    const [firstNow = Number.NaN] = (await reading(file, now)) ?? [];
    const [firstBefore = Number.NaN] = (await reading(file, before)) ?? [];
    return { now: later, before: laterBefore, firstNow, firstBefore };
  });
  const of = (name: keyof Reading) => found.get(name) ?? Number.NaN;
  return { now: of("now"), before: of("before"), firstNow: of("firstNow"), firstBefore: of("firstBefore") };
}

async function reading(file: string, ...codes: readonly string[]): Promise<readonly number[] | null> {
  const ran = await run(process.execPath, [READING, file, ...codes], {});
  if (ran?.exitCode !== 0) throw new Error(`reading ${file}: ${ran?.complained ?? "no process"}`);
  const found: unknown = JSON.parse(ran.printed);
  return at(found, "isRead") === true ? listAt(found, "taken").map(Number) : null;
}

function rowsOf(format: string, readings: ReadonlyMap<string, Reading>, files: number): readonly Row[] {
  const all = [...readings.values()];
  const [worst = "", ofWorst] = [...readings].toSorted(([, a], [, b]) => b.now / b.before - a.now / a.before)[0] ?? [];
  const slowest =
    ofWorst === undefined
      ? ""
      : `; most: ${worst.slice(worst.lastIndexOf("/") + 1)} ${ofWorst.before.toFixed(2)} → ${ofWorst.now.toFixed(2)} ms`;
  const what = `reading .${format}, ${all.length} of ${files} files`;
  return [
    row({
      what,
      unit: "ms",
      figure: mean(all.map(({ now }) => now)),
      floor: mean(all.map(({ before }) => before)),
      target: { of: "ratio", atMost: 1.15 },
      note: `floor: the version before${slowest}`,
    }),
    row({
      what: `${what}: the first of a process`,
      unit: "ms",
      figure: mean(all.map(({ firstNow }) => firstNow)),
      floor: mean(all.map(({ firstBefore }) => firstBefore)),
      note: "floor: the version before; with loading its reader",
    }),
  ];
}

function mean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

async function pdfBesidePdfium(now: string, folder: string, rounds: number): Promise<Row> {
  const { path } = pdfOf(folder, PDF_PAGES);
  const bare = await BarePdf.load();
  const bytes = readFileSync(path);
  for (let time = 0; time < 3; time++) bare.read(bytes);
  const found = await medians(rounds, async () => {
    const began = process.cpuUsage();
    bare.read(bytes);
    const { user, system } = process.cpuUsage(began);
    return { bare: (user + system) / 1000, ours: (await reading(path, now, now))?.[0] ?? Number.NaN };
  });
  return row({
    what: `reading a PDF of ${PDF_PAGES} pages`,
    unit: "ms",
    figure: found.get("ours") ?? Number.NaN,
    floor: found.get("bare") ?? Number.NaN,
    target: { of: "ratio", atMost: 2.3 },
    note: "floor: PDFium alone",
  });
}
