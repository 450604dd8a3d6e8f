import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { medians, type Row, row } from "../figures.ts";
import type { Document } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

/**
 * The server hands out its figures at most so often (limits.metricsCacheMs); a look afterwards covers the time since
 * the last one.
 */
const FRESH_MS = 5100;
const NORMAL_CALLERS = 16;

/**
 * How late the main thread's timers fire under 16 callers that upload, and with `--documents` while it reads those
 * files beside them.
 */
export async function eventLoop(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  try {
    await cycles(wharf, 100);
    const found = await medians(options.rounds, async () => ({
      delay: await delayDuring(wharf, () => cycles(wharf, 1500)),
    }));
    const rows = [
      row({
        what: "event-loop delay under 16 callers, p99",
        unit: "ms",
        figure: found.get("delay") ?? Number.NaN,
        target: { of: "figure", atMost: 20 },
        note: "10 ms is the resolution: 10 to 11 is none",
      }),
    ];
    if (options.documents !== null) rows.push(await besideDocuments(wharf, options.documents));
    return rows;
  } finally {
    await wharf.close();
  }
}

async function besideDocuments(wharf: Wharf, folder: string): Promise<Row> {
  const { url, key } = wharf;
  const files: readonly Document[] = readdirSync(folder)
    .filter((name) => extname(name) !== ".tsv")
    .map((name) => ({
      path: join(folder, name),
      filename: name,
      title: name,
      contentType: "application/octet-stream",
      bucket: "documents",
    }));
  const delay = await delayDuring(wharf, async () => {
    let reading = true;
    const read = load({ url, key, callers: 4, count: files.length, unit: { kind: "index", files } }).finally(() => {
      reading = false;
    });
    while (reading) await cycles(wharf, 200);
    await read;
  });
  return row({
    what: `event-loop delay while ${files.length} documents are read, p99`,
    unit: "ms",
    figure: delay,
    target: { of: "figure", atMost: 50 },
  });
}

async function cycles({ url, key }: Wharf, count: number): Promise<void> {
  await load({ url, key, callers: NORMAL_CALLERS, count, unit: { kind: "cycle", bytes: 10_000 } });
}

async function delayDuring(wharf: Wharf, work: () => Promise<void>): Promise<number> {
  await delayMs(wharf);
  await new Promise((resolve) => setTimeout(resolve, FRESH_MS));
  await delayMs(wharf);
  const began = performance.now();
  await work();
  // The last figures must not be the first ones again.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, FRESH_MS - (performance.now() - began))));
  return delayMs(wharf);
}

async function delayMs({ url }: Wharf): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = /^wharf_event_loop_delay_seconds\{quantile="0\.99"\} (\S+)$/m.exec(text)?.[1];
  return Number(value) * 1000;
}
