import { medians, percentile, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { startFloor } from "../processes/floor.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

const CALLERS = 32;
const CREATES = 3000;

/** Create by 32 callers of one team. All sessions stay open: a team may have 25 000 (limits.openSessionsPerTeam). */
export async function create(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const floor = await startFloor("commits");
  const run = ({ url, key }: { url: string; key: string }) =>
    load({ url, key, callers: CALLERS, count: CREATES, unit: { kind: "create" } });
  try {
    await run(wharf);
    await run({ url: floor.url, key: "" });
    const found = await medians(Math.min(options.rounds, 6), async () => {
      const bare = await run({ url: floor.url, key: "" });
      const seen = await run(wharf);
      return {
        bareP50: percentile(bare.latenciesMs, 50),
        p50: percentile(seen.latenciesMs, 50),
        p99: percentile(seen.latenciesMs, 99),
        bareP99: percentile(bare.latenciesMs, 99),
        barePerSecond: CREATES / bare.seconds,
        perSecond: CREATES / seen.seconds,
      };
    });
    const figure = (name: Parameters<typeof found.get>[0]) => found.get(name) ?? Number.NaN;
    return [
      row({
        what: "create, 32 callers: p50",
        unit: "ms",
        figure: figure("p50"),
        floor: figure("bareP50"),
        target: { of: "ratio", atMost: 2 },
        note: "floor: JSON in and out, Wharf's rows by an owner thread; no key, no reads",
      }),
      row({ what: "create, 32 callers: p99", unit: "ms", figure: figure("p99"), floor: figure("bareP99") }),
      row({
        what: "create, 32 callers",
        unit: "/s",
        figure: figure("perSecond"),
        floor: figure("barePerSecond"),
        target: { of: "figure", atLeast: 1000 },
      }),
    ];
  } finally {
    await wharf.close();
    await floor.close();
  }
}
