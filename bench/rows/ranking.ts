import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSearchIndex } from "../../server/src/engines/search-index.ts";
import { brandId, type TeamId } from "../../server/src/ids.ts";
import { LIMITS } from "../../server/src/limits.ts";
import { createLog } from "../../server/src/log.ts";
import { tokenText } from "../../server/src/search-index/analyze.ts";
import type { SearchIndex } from "../../server/src/search-index/search-index.ts";
import { textAt } from "../../server/test/support/json.ts";
import { type Row, row } from "../figures.ts";
import type { Document } from "../load/job.ts";
import type { Options } from "../options.ts";
import { load } from "../processes/load.ts";
import { Wharf } from "../processes/wharf.ts";
import { English } from "../text/english.ts";
import { questions } from "./questions.ts";

/** Documents, queries and which document answers which query. */
interface Collection {
  readonly documents: readonly { readonly id: string; readonly title: string; readonly text: string }[];
  readonly queries: readonly { readonly id: string; readonly text: string }[];
  /** Query → documents that answer it. */
  readonly relevant: ReadonlyMap<string, ReadonlySet<string>>;
}

const DEPTH = 10;

/**
 * The questions that every checkout has, and nDCG@10 of the collection with judgements that the command line may
 * name.
 */
export async function ranking(options: Options): Promise<readonly Row[]> {
  const asked = await questions(options);
  return options.collection === null ? asked : [...asked, ...(await judged(options, options.collection))];
}

/**
 * nDCG@10 of a collection with judgements: through the public API, and from the index that the server built, where the
 * term budget can be taken away; the same again among so many chunks of other text that the budget bites.
 */
async function judged(options: Options, from: string): Promise<readonly Row[]> {
  const collection = readCollection(from);
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-collection-"));
  const wharf = await Wharf.start(options);
  try {
    const documentOf = await upload(wharf, folder, collection);
    const throughApi = await searchApi(wharf, collection);
    await wharf.end();
    const alone = await rankIndex(wharf, collection, documentOf, 0);
    const among = await rankIndex(wharf, collection, documentOf, options.chunks);
    const line = (what: string, figure: number, floor?: number) =>
      row({ what: `ranking, nDCG@10: ${what}`, unit: "", figure, ...(floor === undefined ? {} : { floor }) });
    return [
      { ...line("through the API", throughApi), ...{ target: "≥ 0.330", holds: throughApi >= 0.33 } },
      line("with the term budget, by without", alone.bounded, alone.unbounded),
      line(`the same among ${options.chunks} other chunks`, among.bounded, among.unbounded),
    ];
  } finally {
    await wharf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A bare number would be a word of the title. */
const nameOf = (id: string) => `d${id}`;
const idOf = (name: string) => name.slice(1);

/** One file a document, named by its id. Returns file id → document. */
async function upload({ url, key }: Wharf, folder: string, { documents }: Collection) {
  const files: readonly Document[] = documents.map(({ id, title, text }) => {
    const path = join(folder, `${id}.txt`);
    writeFileSync(path, text);
    return { path, filename: nameOf(id), title, contentType: "text/plain", bucket: "collection" };
  });
  const { names } = await load({ url, key, callers: 8, count: files.length, unit: { kind: "index", files } });
  return new Map(names.map((name, at) => [name.split(" ", 1)[0] ?? "", documents[at]?.id ?? ""]));
}

async function searchApi({ url, key }: Wharf, { queries, relevant }: Collection): Promise<number> {
  const bodies = queries.map(({ text }) => ({ query: text.slice(0, LIMITS.queryChars), limit: 100 }));
  const { names } = await load({ url, key, callers: 2, count: bodies.length, unit: { kind: "search", bodies } });
  return meanOverJudged(queries, relevant, (at) => (names[at]?.split(" ") ?? []).map(idOf));
}

/** The index as the server left it, with `others` chunks of generated text beside the collection's. */
async function rankIndex(
  { dataDir }: Wharf,
  { queries, relevant }: Collection,
  documentOf: ReadonlyMap<string, string>,
  others: number,
) {
  const fatal = (error: Error) => {
    throw error;
  };
  const index = await openSearchIndex({ dir: join(dataDir, "index"), log: createLog("warn"), fatal });
  try {
    const [team] = await index.teams();
    if (team === undefined) throw new Error("the server left no index");
    await addOthers(index, team, others);
    const rank = async (termBudgetRows: number | null) => {
      const found: (readonly string[])[] = [];
      for (const { text } of queries) {
        const query = { text, buckets: [], tags: [], files: null, limit: 400, termBudgetRows };
        const { candidates } = await index.rank(team, query);
        found.push(candidates.flatMap(({ file }) => documentOf.get(file) ?? []));
      }
      return meanOverJudged(queries, relevant, (at) => found[at] ?? []);
    };
    return { bounded: await rank(LIMITS.searchTermBudgetRows), unbounded: await rank(null) };
  } finally {
    await index.close();
  }
}

async function addOthers(index: SearchIndex, team: TeamId, count: number): Promise<void> {
  const english = new English(11);
  const file = brandId("file", "file_others");
  for (let from = 0; from < count; from += LIMITS.chunksPerWrite) {
    const chunks = Array.from({ length: Math.min(LIMITS.chunksPerWrite, count - from) }, (_, at) => {
      const text = english.text(LIMITS.chunkTargetChars);
      return { position: from + at, page: 1, charStart: 0, charEnd: text.length, text, tokens: tokenText(text) };
    });
    await index.write(team, { file, build: "others_1", buckets: [], tags: [], titleTokens: "", chunks });
  }
}

function meanOverJudged(
  queries: Collection["queries"],
  relevant: Collection["relevant"],
  found: (at: number) => readonly string[],
): number {
  let sum = 0;
  let judged = 0;
  for (const [at, { id }] of queries.entries()) {
    const wanted = relevant.get(id);
    if (wanted === undefined) continue;
    judged += 1;
    // A document stands where its best chunk stands.
    sum += ndcg([...new Set(found(at))].slice(0, DEPTH), wanted);
  }
  return sum / judged;
}

/** Binary gains, by the best order possible. */
function ndcg(found: readonly string[], wanted: ReadonlySet<string>): number {
  const discount = (rank: number) => 1 / Math.log2(rank + 2);
  const gained = found.reduce((sum, id, rank) => sum + (wanted.has(id) ? discount(rank) : 0), 0);
  const best = Array.from({ length: Math.min(DEPTH, wanted.size) }, (_, rank) => discount(rank));
  return gained / best.reduce((sum, gain) => sum + gain, 0);
}

function readCollection(folder: string): Collection {
  const lines = (name: string) => readFileSync(join(folder, name), "utf8").trim().split("\n");
  const documents = lines("corpus.jsonl").map((line) => {
    const document: unknown = JSON.parse(line);
    return { id: textAt(document, "id"), title: textAt(document, "title"), text: textAt(document, "text") };
  });
  const queries = lines("queries.jsonl").map((line) => {
    const query: unknown = JSON.parse(line);
    return { id: textAt(query, "id"), text: textAt(query, "text") };
  });
  const relevant = new Map<string, Set<string>>();
  for (const line of lines("qrels.tsv")) {
    const [query = "", document = "", gain = "1"] = line.split("\t");
    if (Number(gain) > 0) relevant.set(query, (relevant.get(query) ?? new Set()).add(document));
  }
  return { documents, queries, relevant };
}
