import { medians, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { startFloor } from "../processes/floor.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

const BYTES = 10_000;
const CYCLES = 400;
const CALLERS = 8;

/**
 * Create, PUT and finalize of a text of 10 kB, in Wharf, which begins to index each file at once, and in two floors:
 * one that does the commits and fsyncs of indexing too, behind the answers, as Wharf does, and one that leaves them
 * out. Wharf's queue is empty again before each round.
 */
export async function cycle(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const same = await startFloor("indexing");
  const less = await startFloor("commits");
  const perSecond = async (url: string, key = "") => {
    const unit = { kind: "cycle", bytes: BYTES } as const;
    const { seconds, names } = await load({ url, key, callers: CALLERS, count: CYCLES, unit });
    if (key !== "") await untilSettled(wharf, names);
    return CYCLES / seconds;
  };
  const measure = async () => ({
    same: await perSecond(same.url),
    less: await perSecond(less.url),
    wharf: await perSecond(wharf.url, wharf.key),
  });
  try {
    await measure();
    const found = await medians(options.rounds, measure);
    const figure = found.get("wharf") ?? Number.NaN;
    return [
      row({
        what: "cycle of a 10 kB file, 8 callers",
        unit: "/s",
        figure,
        floor: found.get("same") ?? Number.NaN,
        target: { of: "ratio", atLeast: 0.5 },
        note: "floor: the same commits and fsyncs, those of indexing too; it reads no word",
      }),
      row({
        what: "the same beside a floor that indexes nothing",
        unit: "/s",
        figure,
        floor: found.get("less") ?? Number.NaN,
      }),
    ];
  } finally {
    await wharf.close();
    await same.close();
    await less.close();
  }
}

async function untilSettled(wharf: Wharf, ids: readonly string[]): Promise<void> {
  for (;;) {
    const job = { url: wharf.url, key: wharf.key, callers: 4, count: ids.length, unit: { kind: "poll", ids } } as const;
    const { names } = await load(job);
    if (names.every((state) => state === "indexed")) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
