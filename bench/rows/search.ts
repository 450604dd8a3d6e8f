import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { medians, percentile, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";
import { English } from "../text/english.ts";
import { indexCorpus } from "./corpus.ts";

const QUERIES = 200;

type Body = Readonly<Record<string, unknown>>;

/** Queries over 100 000 chunks through the API, one after another. One file of the fifty is in the bucket "small": 2 % of the chunks. */
export async function search(options: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-corpus-"));
  const wharf = await Wharf.start(options);
  try {
    const { seconds } = await indexCorpus(wharf, folder, options.chunks);
    const kinds = queries();
    await ask(wharf, kinds.few);
    const found = await medians(options.rounds, async () => ({
      ...named("few", await ask(wharf, kinds.few)),
      ...named("thirty", await ask(wharf, kinds.thirty)),
      ...named("bucket", await ask(wharf, kinds.bucket)),
      ...named("bucket few", await ask(wharf, kinds.bucketFew)),
    }));
    const line = (what: string, name: string, atMost?: number) =>
      row({
        what: `search, ${options.chunks} chunks: ${what}`,
        unit: "ms",
        figure: found.get(name) ?? Number.NaN,
        ...(atMost === undefined ? {} : { target: { of: "figure", atMost } as const }),
      });
    return [
      row({ what: `indexing ${options.chunks} chunks`, unit: "chunks/s", figure: options.chunks / seconds }),
      line("2–3 terms, p50", "few p50", 10),
      line("2–3 terms, p99", "few p99", 30),
      line("30 terms, p50", "thirty p50"),
      line("30 terms, p99", "thirty p99", 60),
      line("bucket of 2 %, p50", "bucket p50", 5),
      line("bucket of 2 %, p99", "bucket p99"),
      line("bucket of 2 %, 2–3 terms, p50", "bucket few p50"),
    ];
  } finally {
    await wharf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Few terms are words that somebody asks for; thirty are words as a text has them, frequent ones among them; half of the bucket's queries are of each kind. */
function queries(): {
  readonly few: readonly Body[];
  readonly thirty: readonly Body[];
  readonly bucket: readonly Body[];
  readonly bucketFew: readonly Body[];
} {
  const english = new English(7);
  const few = Array.from({ length: QUERIES }, (_, at) => words(2 + (at % 2), () => english.askedWord()));
  const thirty = Array.from({ length: QUERIES }, () => words(30, () => english.word()));
  const mixed = few.map((query, at) => (at % 2 === 0 ? query : (thirty[at] ?? query)));
  return {
    few: few.map((query) => ({ query })),
    thirty: thirty.map((query) => ({ query })),
    bucket: mixed.map((query) => ({ query, bucket: "small" })),
    bucketFew: few.map((query) => ({ query, bucket: "small" })),
  };
}

function words(count: number, word: () => string): string {
  return Array.from({ length: count }, word).join(" ");
}

async function ask({ url, key }: Wharf, bodies: readonly Body[]): Promise<readonly number[]> {
  const unit = { kind: "search", bodies } as const;
  return (await load({ url, key, callers: 1, count: bodies.length, unit })).latenciesMs;
}

function named(name: string, latenciesMs: readonly number[]): Record<string, number> {
  return { [`${name} p50`]: percentile(latenciesMs, 50), [`${name} p99`]: percentile(latenciesMs, 99) };
}
