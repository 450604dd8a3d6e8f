import { join } from "node:path";
import { openCatalogue } from "../../server/src/engines/catalogue.ts";
import { createTaskQueue } from "../../server/src/files/task-queue.ts";
import { seededRandom } from "../../server/test/support/random.ts";
import { medians, percentile, type Row, row } from "../figures.ts";
import { seededFile, seedFiles, seedQueue } from "../growth/seed.store.ts";
import type { Unit } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

/** Few enough in 5 rounds that both catalogues stay what they are: an empty one and a full one. */
const UNITS = 200;
const CALLERS = 4;
const CLAIMS = 150;

/**
 * Create, finalize, poll and claim on a catalogue of many files, by those on one of hardly any, which is their floor.
 */
export async function growth(options: Options): Promise<readonly Row[]> {
  const [empty, full] = [await Wharf.start(options), await Wharf.start(options)];
  try {
    const known = await uploaded(empty);
    await uploaded(full);
    await full.end();
    seedFiles(catalogueOf(full), options.files);
    await full.begin();
    const random = seededRandom(3);
    const seeded = Array.from({ length: 2000 }, () => seededFile(random.integer(0, options.files - 1)));
    await figures(empty, known);
    await figures(full, seeded);
    const found = await medians(options.rounds, async () => ({
      ...prefixed("empty", await figures(empty, known)),
      ...prefixed("full", await figures(full, seeded)),
    }));
    const startMs = { empty: empty.startMs, full: full.startMs };
    const claims = { empty: await claimMs(empty, options.rounds), full: await claimMs(full, options.rounds) };
    const line = (what: string, figure: number | undefined, floor: number | undefined, judged = true) =>
      row({
        what: `${what} at ${options.files} files`,
        unit: "ms",
        figure: figure ?? Number.NaN,
        floor: floor ?? Number.NaN,
        ...(judged ? { target: { of: "ratio", atMost: 1.5 } as const, note: "floor: an empty catalogue" } : {}),
      });
    return [
      ...(["create", "finalize", "poll"] as const).map((name) =>
        line(`${name}, p50,`, found.get(`full ${name}`), found.get(`empty ${name}`)),
      ),
      line("claim, p50,", claims.full, claims.empty),
      line("start", startMs.full, startMs.empty, false),
    ];
  } finally {
    await empty.close();
    await full.close();
  }
}

function catalogueOf({ dataDir }: Wharf): string {
  return join(dataDir, "catalogue.db");
}

/** Files for the first polls, and the bucket that seeding needs. */
async function uploaded({ url, key }: Wharf): Promise<readonly string[]> {
  return (await load({ url, key, callers: CALLERS, count: UNITS, unit: { kind: "cycle", bytes: 1000 } })).names;
}

async function figures({ url, key }: Wharf, ids: readonly string[]): Promise<Record<string, number>> {
  const p50 = async (unit: Unit) =>
    percentile((await load({ url, key, callers: CALLERS, count: UNITS, unit })).latenciesMs, 50);
  return {
    create: await p50({ kind: "create" }),
    finalize: await p50({ kind: "finalize", bytes: 1000 }),
    poll: await p50({ kind: "poll", ids }),
  };
}

function prefixed(prefix: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix} ${name}`, value]));
}

/** A claim has no address: it is taken from the queue's port, on the catalogue that the server has left. */
async function claimMs(wharf: Wharf, rounds: number): Promise<number> {
  await wharf.end();
  seedQueue(catalogueOf(wharf), CLAIMS * (rounds + 1));
  const catalogue = await openCatalogue({
    path: catalogueOf(wharf),
    fatal: (error) => {
      throw error;
    },
  });
  const queue = createTaskQueue(catalogue);
  try {
    const found = await medians(rounds + 1, async () => {
      const tookMs: number[] = [];
      for (let claim = 0; claim < CLAIMS; claim++) {
        const began = performance.now();
        if ((await queue.claim("fast")) === null) throw new Error("the seeded queue ran dry");
        tookMs.push(performance.now() - began);
      }
      return { p50: percentile(tookMs, 50) };
    });
    return found.get("p50") ?? Number.NaN;
  } finally {
    await catalogue.close();
  }
}
