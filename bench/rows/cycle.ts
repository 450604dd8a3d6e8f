import { medians, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { startFloor } from "../processes/floor.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

const BYTES = 10_000;
const CYCLES = 400;
const CALLERS = 8;

/**
 * Create, PUT and finalize of a text of 10 kB. Wharf begins to index each file at once, the floor never does: that work is in Wharf's figure,
 * as it is in its users' days. The queue is empty again before each round.
 */
export async function cycle(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const floor = await startFloor("commits");
  const perSecond = async ({ url, key }: { url: string; key: string }) => {
    const unit = { kind: "cycle", bytes: BYTES } as const;
    const { seconds, names } = await load({ url, key, callers: CALLERS, count: CYCLES, unit });
    if (key !== "") await untilSettled(wharf, names);
    return CYCLES / seconds;
  };
  try {
    const bare = { url: floor.url, key: "" };
    await perSecond(wharf);
    await perSecond(bare);
    const found = await medians(options.rounds, async () => ({
      bare: await perSecond(bare),
      wharf: await perSecond(wharf),
    }));
    return [
      row({
        what: "cycle of a 10 kB file, 8 callers",
        unit: "/s",
        figure: found.get("wharf") ?? Number.NaN,
        floor: found.get("bare") ?? Number.NaN,
        target: { of: "ratio", atLeast: 0.5 },
        note: "Wharf indexes the files meanwhile, the floor does not",
      }),
    ];
  } finally {
    await wharf.close();
    await floor.close();
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
