import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { at } from "../../server/test/support/json.ts";
import { percentile, type Row, row } from "../figures.ts";
import type { Unit } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { PROGRAM, Wharf } from "../processes/wharf.ts";
import { English } from "../text/english.ts";
import { indexCorpus } from "./corpus.ts";

/** Of each kind of request in a round, all kinds at once, each one after another. */
const REQUESTS = 300;
/** Enough for a thousandth of all requests to be more than a few. */
const QUIET_ROUNDS = 30;
const WATCHED = 100;
const MOST_RESULTS = 100;

type Body = Readonly<Record<string, unknown>>;

/** Latencies of each kind of request. */
type Seen = Readonly<Record<"search" | "create" | "poll", readonly number[]>>;

/**
 * An index that an earlier version wrote is read again for the new analyser while clients search, create and poll: what
 * each of them waits, beside the same on the same server when it is done, and whether a search ever finds less than the
 * earlier version found.
 */
export async function refresh(options: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-corpus-"));
  const wharf = await Wharf.start({ ...options, program: options.earlier ?? "" });
  try {
    const { ids } = await indexCorpus(wharf, folder, options.chunks);
    const bodies = rareQueries();
    const before = await resultsOf(wharf, bodies);
    await wharf.end();

    const mixed = mixedLoad(ids);
    await wharf.begin(PROGRAM);
    // Of the first requests after a start many are slow, and the floor is taken long behind it.
    await mixed(wharf);
    const began = performance.now();
    const during: Seen[] = [];
    let fewer = 0;
    do {
      during.push(await mixed(wharf));
      const now = await resultsOf(wharf, bodies);
      fewer += now.filter((results, query) => results < (before[query] ?? 0)).length;
    } while (await isRefreshing(wharf));
    const seconds = (performance.now() - began) / 1000;
    if (during.length < 2) throw new Error("it was done before anything was measured: take more --chunks");
    during.pop();

    const quiet: Seen[] = [];
    while (quiet.length < Math.min(during.length, QUIET_ROUNDS)) quiet.push(await mixed(wharf));
    return [
      row({
        what: `reading ${options.chunks} chunks again`,
        unit: "chunks/s",
        figure: options.chunks / seconds,
        note: "once",
      }),
      row({
        what: `searches that found less, of ${during.length * bodies.length}`,
        unit: "",
        figure: fewer,
        target: { of: "figure", atMost: 0 },
        note: `found before: ${before.reduce((sum, results) => sum + results, 0)} results of ${bodies.length} queries`,
      }),
      ...(["search", "create", "poll"] as const).flatMap((kind) =>
        compared(kind, pooled(during, kind), pooled(quiet, kind)),
      ),
    ];
  } finally {
    await wharf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function compared(kind: string, during: readonly number[], quiet: readonly number[]): readonly Row[] {
  const bound = 2 * percentile(quiet, 99);
  const slower = (of: readonly number[]) => (100 * of.filter((tookMs) => tookMs > bound).length) / of.length;
  const line = (percent: number) => ({
    what: `${kind} meanwhile, p${percent}`,
    unit: "ms",
    figure: percentile(during, percent),
    floor: percentile(quiet, percent),
    note: "floor: the same server when it is done",
  });
  return [
    row(line(50)),
    row({ ...line(99), target: { of: "ratio", atMost: 2 } }),
    row({
      what: `${kind} slower than 2 × quiet p99`,
      unit: "%",
      figure: slower(during),
      floor: slower(quiet),
      target: { of: "ratio", atMost: 2 },
      note: "floor: as many are on the same server when it is done",
    }),
  ];
}

function pooled(rounds: readonly Seen[], kind: keyof Seen): readonly number[] {
  return rounds.flatMap((seen) => seen[kind]);
}

function mixedLoad(ids: readonly string[]): (wharf: Wharf) => Promise<Seen> {
  const english = new English(7);
  const bodies = Array.from({ length: REQUESTS }, () => ({ query: `${english.askedWord()} ${english.askedWord()}` }));
  return async ({ url, key }) => {
    const each = (unit: Unit, callers = 1) => load({ url, key, callers, count: REQUESTS, unit });
    const [search, create, poll] = await Promise.all([
      each({ kind: "search", bodies }),
      each({ kind: "create" }),
      each({ kind: "poll", ids }),
    ]);
    // A team may have so many open sessions, which a long run would come to.
    await each({ kind: "cancel", ids: create.names }, 4);
    return { search: search.latenciesMs, create: create.latenciesMs, poll: poll.latenciesMs };
  };
}

/** Of words so rare that all chunks with them are results, so that one less is seen. */
function rareQueries(): readonly Body[] {
  const words = new Set<string>();
  const english = new English(11);
  while (words.size < WATCHED) {
    const word = english.word();
    if (word.length > 12) words.add(word);
  }
  return [...words].map((query) => ({ query, limit: MOST_RESULTS }));
}

async function resultsOf({ url, key }: Wharf, bodies: readonly Body[]): Promise<readonly number[]> {
  const { names } = await load({ url, key, callers: 1, count: bodies.length, unit: { kind: "search", bodies } });
  return names.map((found) => found.split(" ").filter((name) => name !== "").length);
}

async function isRefreshing({ url }: Wharf): Promise<boolean> {
  const answer: unknown = await (await fetch(`${url}/readyz`)).json();
  return at(answer, "checks", "search_index") !== "ok";
}
