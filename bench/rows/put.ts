import { medians, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { startFloor } from "../processes/floor.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";

const BYTES = 25 * 1024 * 1024;
const UPLOADS = 8;

/** PUT of 25 MB: one after another, and four at once. */
export async function put(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const floor = await startFloor("bytes");
  const megabytesPerSecond = async ({ url, key }: { url: string; key: string }, callers: number) => {
    const unit = { kind: "put", bytes: BYTES } as const;
    const { seconds, names } = await load({ url, key, callers, count: UPLOADS, unit });
    if (key !== "") await load({ url, key, callers: 4, count: names.length, unit: { kind: "cancel", ids: names } });
    return (UPLOADS * BYTES) / 1e6 / seconds;
  };
  try {
    const bare = { url: floor.url, key: "" };
    await megabytesPerSecond(wharf, 1);
    await megabytesPerSecond(bare, 1);
    const found = await medians(options.rounds, async () => ({
      bareOne: await megabytesPerSecond(bare, 1),
      wharfOne: await megabytesPerSecond(wharf, 1),
      bareFour: await megabytesPerSecond(bare, 4),
      wharfFour: await megabytesPerSecond(wharf, 4),
    }));
    const line = (what: string, figure: number | undefined, bareFigure: number | undefined) =>
      row({
        what,
        unit: "MB/s",
        figure: figure ?? Number.NaN,
        floor: bareFigure ?? Number.NaN,
        target: { of: "ratio", atLeast: 0.8 },
        note: "floor: stream, two digests, fsync, link, fsync directory",
      });
    return [
      line("PUT of 25 MB", found.get("wharfOne"), found.get("bareOne")),
      line("PUT of 25 MB, 4 at once", found.get("wharfFour"), found.get("bareFour")),
    ];
  } finally {
    await wharf.close();
    await floor.close();
  }
}
