import { type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { startReaders } from "../processes/readers.ts";
import { Wharf } from "../processes/wharf.ts";

const BYTES = 25 * 1024 * 1024;
const SAMPLE_MS = 50;
const READERS = 50;
const READ_BYTES_PER_SECOND = 10_000;

/**
 * Uploads of 25 MB at once, a round to warm up and a round that counts, with slow readers of a file of 25 MB beside it:
 * how far the server's memory rises above where it was before both.
 */
export async function memory(options: Options): Promise<readonly Row[]> {
  const wharf = await Wharf.start(options);
  const { url, key } = wharf;
  const round = async () => {
    const unit = { kind: "put", bytes: BYTES } as const;
    const { names } = await load({ url, key, callers: options.uploads, count: options.uploads, unit });
    await load({ url, key, callers: 8, count: names.length, unit: { kind: "cancel", ids: names } });
  };
  try {
    const {
      names: [file = ""],
    } = await load({ url, key, callers: 1, count: 1, unit: { kind: "finalize", bytes: BYTES, noise: true } });
    await round();
    const before = wharf.memoryBytes();
    let peak = before;
    let child = 0;
    const sampling = setInterval(() => {
      peak = Math.max(peak, wharf.memoryBytes());
      child = Math.max(child, ...wharf.childrenBytes());
    }, SAMPLE_MS);
    const readers = await startReaders({ url, key, file, count: READERS, bytesPerSecond: READ_BYTES_PER_SECOND });
    await round();
    clearInterval(sampling);
    await readers.end();
    return [
      row({
        what: `memory: ${options.uploads} uploads of 25 MB at once, ${READERS} readers at 10 kB/s`,
        unit: "MB",
        figure: (peak - before) / 1e6,
        target: { of: "figure", atMost: 150 },
        note: `server process, from ${Math.round(before / 1e6)} MB after a warm-up round`,
      }),
      row({
        what: "memory of the largest child",
        unit: "MB",
        figure: child / 1e6,
        target: { of: "figure", atMost: 805 },
      }),
    ];
  } finally {
    await wharf.close();
  }
}
