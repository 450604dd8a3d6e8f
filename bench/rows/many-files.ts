import { join } from "node:path";
import { seededRandom } from "../../server/test/support/random.ts";
import { medians, percentile, type Row, row } from "../figures.ts";
import { markUnreadable, seededFile, seedFiles } from "../growth/seed.store.ts";
import type { Unit } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

/**
 * The floor: a team with so many files. The lists of both are as long, a page of files and a bucket's first 1 000 ids.
 */
const FEW = 1000;
const UNITS = 200;
const CALLERS = 2;
const FILES = "/v1/knowledge/files";
const NAMES = [
  "list of buckets",
  "list of files, newest",
  "list of files of a bucket, by time",
  "PATCH",
  "poll",
] as const;

/** What a client asks of a team with many files in one bucket, by the same of a team with a thousand. */
export async function manyFiles(options: Options): Promise<readonly Row[]> {
  const [few, many] = [await seeded(options, FEW), await seeded(options, options.files)];
  try {
    await figures(few);
    await figures(many);
    // In turns: what goes second finds the machine warm.
    const found = await medians(options.rounds, async (round) => {
      const ofMany = round % 2 === 0 ? await figures(many) : null;
      const ofFew = await figures(few);
      return { ...prefixed("few", ofFew), ...prefixed("many", ofMany ?? (await figures(many))) };
    });
    return NAMES.map((name) =>
      row({
        what: `${name}, p50, at ${options.files} files`,
        unit: "ms",
        figure: found.get(`many ${name}`) ?? Number.NaN,
        floor: found.get(`few ${name}`) ?? Number.NaN,
        target: { of: "ratio", atMost: 1.5 },
        note: `floor: ${FEW} files`,
      }),
    );
  } finally {
    await few.wharf.close();
    await many.wharf.close();
  }
}

interface Team {
  readonly wharf: Wharf;
  /** Uploaded, and so in the index too: what a PATCH changes. */
  readonly uploaded: readonly string[];
  readonly seeded: readonly string[];
  /** A list that begins in the middle of all files. */
  readonly middle: string;
}

async function seeded(options: Options, files: number): Promise<Team> {
  const wharf = await Wharf.start(options);
  const unit: Unit = { kind: "cycle", bytes: 1000 };
  const { names } = await load({ url: wharf.url, key: wharf.key, callers: CALLERS, count: UNITS, unit });
  await wharf.end();
  const catalogue = join(wharf.dataDir, "catalogue.db");
  const began = Date.now();
  seedFiles(catalogue, files);
  // Their chunks are not in the index: nobody shall set out to read them again.
  markUnreadable(catalogue, "0".repeat(64));
  await wharf.begin();
  const random = seededRandom(5);
  const some = Array.from({ length: 2000 }, () => seededFile(random.integer(0, files - 1)));
  // One every 30 ms, up to the instant of seeding.
  const middle = new Date(began - (files / 2) * 30).toISOString();
  return { wharf, uploaded: names, seeded: some, middle };
}

async function figures({ wharf, uploaded, seeded, middle }: Team): Promise<Record<string, number>> {
  const p50 = async (unit: Unit) => {
    const { latenciesMs } = await load({ url: wharf.url, key: wharf.key, callers: CALLERS, count: UNITS, unit });
    return percentile(latenciesMs, 50);
  };
  return {
    "list of buckets": await p50({ kind: "get", paths: ["/v1/knowledge/buckets"] }),
    "list of files, newest": await p50({ kind: "get", paths: [`${FILES}?limit=50`] }),
    "list of files of a bucket, by time": await p50({
      kind: "get",
      paths: [`${FILES}?bucket=bench&limit=50&created_after=${middle}`],
    }),
    PATCH: await p50({ kind: "patch", ids: uploaded }),
    poll: await p50({ kind: "poll", ids: seeded }),
  };
}

function prefixed(prefix: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix} ${name}`, value]));
}
