import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, medians, percentile, type Row, row } from "../figures.ts";
import { BarePdf } from "../floors/pdf.ts";
import type { Document } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";
import { largest, onePageText, pdfOf } from "./documents.ts";

const PAGES = 20;

/** From finalize's answer until the file is searchable. */
export async function index(options: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-files-"));
  const wharf = await Wharf.start(options);
  const searchable = async (files: readonly Document[]) => {
    const { url, key } = wharf;
    const unit = { kind: "searchable", files } as const;
    const { latenciesMs, names } = await load({ url, key, callers: 1, count: files.length, unit });
    const failed = names.find((name) => !name.endsWith(" indexed"));
    if (failed !== undefined) throw new Error(`not indexed: ${failed}`);
    return latenciesMs;
  };
  try {
    const pages = Array.from({ length: PAGES }, (_, seed) => onePageText(folder, seed));
    const pdf = pdfOf(folder, 100);
    const bare = await BarePdf.load();
    const bytes = readFileSync(pdf.path);
    await searchable([...pages.slice(0, 5), pdf]);
    bare.read(bytes);
    const found = await medians(options.rounds, async () => ({
      page: median(await searchable(pages)),
      pdf: median(await searchable([pdf])),
      barePdf: timed(() => bare.read(bytes)),
    }));
    const largeMs: number[] = [];
    const large = largest(folder);
    for (const file of large) largeMs.push(...(await searchable([file])));
    return [
      row({
        what: "finalize → searchable: one page of text, p50",
        unit: "ms",
        figure: found.get("page") ?? Number.NaN,
        target: { of: "figure", atMost: 100 },
      }),
      row({
        what: "finalize → searchable: PDF of 100 pages",
        unit: "ms",
        figure: found.get("pdf") ?? Number.NaN,
        floor: found.get("barePdf") ?? Number.NaN,
        target: { of: "ratio", atMost: 2.3 },
        note: `floor: PDFium alone, warm, bytes in memory${options.half ? "; the server on half of the cores" : ""}`,
      }),
      ...large.map((file, at) =>
        row({
          what: `finalize → searchable: ${file.filename} of 25 MB`,
          unit: "s",
          figure: (largeMs[at] ?? Number.NaN) / 1000,
          target: { of: "figure", atMost: 60 },
          note: "once each",
        }),
      ),
      row({ what: "finalize → searchable: slowest 25 MB", unit: "s", figure: percentile(largeMs, 99) / 1000 }),
    ];
  } finally {
    await wharf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function timed(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}
