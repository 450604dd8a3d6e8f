import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brandId, type FileId } from "../../server/src/ids.ts";
import { seededRandom } from "../../server/test/support/random.ts";
import { medians, percentile, type Row, row } from "../figures.ts";
import { PlainFts5 } from "../floors/plain-fts5.store.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { ReaderAlone } from "../processes/reader-alone.ts";
import { Wharf } from "../processes/wharf.ts";
import { drawnQueries } from "../text/drawn.ts";
import { English } from "../text/english.ts";
import { indexCorpus } from "./corpus.ts";

const QUERIES = 200;
/** Of a word that is drawn: names and numbers that stand in fewer are no harder to find. */
const LEAST_CHUNKS = 10;
/** Of the commonest word's chunks. */
const COMMON = 0.1;

type Body = Readonly<Record<string, unknown>>;

/**
 * Queries over 100 000 chunks through the API, one after another, in turns with the server's reader alone and with a
 * plain FTS5 table of the same chunks, which are asked without HTTP, in this process. One file of the fifty is in the
 * bucket "small": 2 % of the chunks.
 */
export async function search(options: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-corpus-"));
  const wharf = await Wharf.start(options);
  try {
    const { seconds, ids } = await indexCorpus(wharf, folder, options.chunks);
    const [small = ""] = ids;
    const plain = PlainFts5.over(wharf.dataDir, folder, small);
    const reader = await ReaderAlone.over(wharf.dataDir);
    const asked = { wharf, reader, plain, small: brandId("file", small) };
    const found = await measure(asked, options.rounds);
    await reader.close();
    plain.close();
    return [
      row({ what: `indexing ${options.chunks} chunks`, unit: "chunks/s", figure: options.chunks / seconds }),
      ...rows(found, `search, ${options.chunks} chunks: `),
    ];
  } finally {
    await wharf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Asked {
  readonly wharf: Wharf;
  readonly reader: ReaderAlone;
  readonly plain: PlainFts5;
  /** The only file of the bucket. */
  readonly small: FileId;
}

async function measure({ wharf, reader, plain, small }: Asked, rounds: number): Promise<ReadonlyMap<string, number>> {
  const { drawn, common, thirty } = queries(plain);
  await ask(wharf, drawn);
  await reader.processorMs(drawn, null);
  plain.processorMs(drawn, "none");
  const each = async (name: string, texts: readonly string[]) => ({
    ...named(name, await ask(wharf, texts)),
    ...named(`reader ${name}`, await reader.processorMs(texts, null)),
    ...named(`plain ${name}`, plain.processorMs(texts, "none")),
    ...named(`bucket ${name}`, await ask(wharf, texts, "small")),
    ...named(`reader bucket ${name}`, await reader.processorMs(texts, small)),
    ...named(`plain column ${name}`, plain.processorMs(texts, "column")),
    ...named(`plain joined ${name}`, plain.processorMs(texts, "joined")),
    ...named(`plain word ${name}`, plain.processorMs(texts, "word")),
  });
  return await medians(rounds, async () => ({
    ...(await each("drawn", drawn)),
    ...(await each("common", common)),
    ...named("thirty", await ask(wharf, thirty)),
    ...named("bucket thirty", await ask(wharf, thirty, "small")),
  }));
}

/** Thirty words are as a text has them, stop words among them. */
function queries(plain: PlainFts5) {
  const words = plain.words(LEAST_CHUNKS);
  const most = words.at(-1)?.chunks ?? 0;
  const english = new English(7);
  return {
    drawn: drawnQueries(words, { count: QUERIES, least: LEAST_CHUNKS, random: seededRandom(7) }),
    common: drawnQueries(words, { count: QUERIES, least: COMMON * most, random: seededRandom(8) }),
    thirty: Array.from({ length: QUERIES }, () => Array.from({ length: 30 }, () => english.word()).join(" ")),
  };
}

const RATIO = { few: 0.35, bucket: 0.15 };

/** How plain FTS5 keeps the bucket. */
const BUCKETS = [
  ["column", "a column"],
  ["joined", "joined"],
  ["word", "a word"],
] as const;

function rows(found: ReadonlyMap<string, number>, before: string): readonly Row[] {
  const figure = (name: string) => found.get(name) ?? Number.NaN;
  const line = (what: string, name: string, atMost?: number) =>
    row({
      what: `${before}${what}`,
      unit: "ms",
      figure: figure(name),
      ...(atMost === undefined ? {} : { target: { of: "figure", atMost } as const }),
    });
  const beside = (what: string, name: string, floor: string, atMost: number) =>
    row({
      what: `${before}reader alone, ${what}`,
      unit: "ms",
      figure: figure(name),
      floor: figure(floor),
      target: { of: "ratio", atMost },
      note: "processor time; floor: plain FTS5",
    });
  const kind = (what: string, name: string) => [
    beside(`${what}, p50`, `reader ${name} p50`, `plain ${name} p50`, RATIO.few),
    beside(`${what}, p99`, `reader ${name} p99`, `plain ${name} p99`, RATIO.few),
    ...BUCKETS.map(([floor, how]) =>
      beside(
        `bucket of 2 %, ${what}, p50, floor's bucket ${how}`,
        `reader bucket ${name} p50`,
        `plain ${floor} ${name} p50`,
        RATIO.bucket,
      ),
    ),
  ];
  return [
    line("2–3 words, p50", "drawn p50", 8),
    line("2–3 words, p99", "drawn p99", 25),
    line("2–3 common words, p50", "common p50", 8),
    line("2–3 common words, p99", "common p99", 25),
    line("30 words, p50", "thirty p50"),
    line("30 words, p99", "thirty p99", 60),
    line("bucket of 2 %, 2–3 words, p50", "bucket drawn p50", 5),
    line("bucket of 2 %, 2–3 common words, p50", "bucket common p50", 5),
    line("bucket of 2 %, 30 words, p50", "bucket thirty p50"),
    ...kind("2–3 words", "drawn"),
    ...kind("2–3 common words", "common"),
  ];
}

async function ask({ url, key }: Wharf, texts: readonly string[], bucket?: string): Promise<readonly number[]> {
  const bodies: readonly Body[] = texts.map((query) => ({ query, ...(bucket === undefined ? {} : { bucket }) }));
  const unit = { kind: "search", bodies } as const;
  return (await load({ url, key, callers: 1, count: bodies.length, unit })).latenciesMs;
}

function named(name: string, latenciesMs: readonly number[]): Record<string, number> {
  return { [`${name} p50`]: percentile(latenciesMs, 50), [`${name} p99`]: percentile(latenciesMs, 99) };
}
