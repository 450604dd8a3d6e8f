import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readConfig } from "../config.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { metadataFingerprint } from "../files/metadata-fingerprint.ts";
import { openTestFiles, type TestFile, type TestFiles, type TestTeam } from "../files/test-files.ts";
import { createApp } from "../http/app.ts";
import type { App } from "../http/route.ts";
import type { BucketId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { tokenText } from "../search-index/analyze.ts";
import { buildName } from "../search-index/build.ts";
import { openMemorySearchIndex } from "../search-index/memory.ts";
import { type RankQuery, type SearchIndex, SearchIndexError } from "../search-index/search-index.ts";
import { retrievalRoutes } from "./routes.ts";

let on: TestFiles;
let app: App;
let index: SearchIndex;
/** What the index was asked, in order. */
const asked: RankQuery[] = [];
/** Set by the test of a failing index. */
let broken = false;

before(async () => {
  on = await openTestFiles();
  index = openMemorySearchIndex();
  const failing: SearchIndex = {
    ...index,
    rank: async (team, query) => {
      if (broken) throw new SearchIndexError("damaged");
      asked.push(query);
      return index.rank(team, query);
    },
  };
  app = await createApp({
    answers: testBudgets().answers,
    bodies: testBudgets().bodies,
    catalogue: on.t.catalogue,
    config: readConfig({}, {}),
    log: { debug() {}, info() {}, warn() {}, error() {}, fatal() {} },
    ids: on.t.ids,
    routes: [(routes) => retrievalRoutes(routes, { catalogue: on.t.catalogue, index: failing, ...testBudgets() })],
    readiness: async () => ({ ready: true, checks: {} }),
  });
});
after(async () => {
  await app.close();
  await on.close();
});

interface NewDocument {
  readonly team: TestTeam;
  readonly buckets: readonly BucketId[];
  readonly texts: readonly string[];
  readonly tags?: readonly string[];
  readonly metadata?: object;
}

/** A file that is indexed: its chunks in the index, its build active in the catalogue. */
async function newDocument({ team, buckets, texts, ...more }: NewDocument): Promise<TestFile> {
  const pages = texts.map((text) => ({ label: null, text }));
  const file = await on.newFile(team, { state: "indexed", buckets, pages, filename: "leave.txt", ...more });
  await stage(team, file, 1, buckets, texts, more.tags);
  return file;
}

async function stage(
  team: TestTeam,
  file: TestFile,
  attempt: number,
  buckets: readonly BucketId[],
  texts: readonly string[],
  tags: readonly string[] = [],
) {
  const chunks = texts.map((text, position) => ({
    position,
    page: position + 1,
    charStart: 0,
    charEnd: text.length,
    text,
    tokens: tokenText(text),
  }));
  const build = buildName(file.taskId, attempt);
  await index.write(team.teamId, { file: file.fileId, build, buckets, tags, titleTokens: "", chunks });
}

async function post(team: TestTeam, payload: object, key = team.key) {
  const headers = { authorization: `Bearer ${key}` };
  return app.inject({ method: "POST", url: "/v1/knowledge/search", headers, payload });
}

async function found(team: TestTeam, request: object): Promise<readonly string[]> {
  const answer = await post(team, request);
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json().results.map((hit: { file_id: string }) => hit.file_id);
}

describe("search", () => {
  test("an answer cites file, version, page and range, and says what was searched (§9)", async () => {
    const team = await on.newTeam();
    const [legal, hr] = [await on.newBucket(team, "legal"), await on.newBucket(team, "hr")];
    const text = "Parental leaves are granted; leave begins at birth.";
    const metadata = { year: 2024, draft: null };
    const file = await newDocument({
      team,
      buckets: [legal, hr],
      texts: ["Nothing here.", text],
      tags: ["signed"],
      metadata,
    });
    const answer = await post(team, { query: "PARENTAL leave of absence", bucket_slugs: ["Legal", "hr"] });
    const { results, searched, request_id } = answer.json();
    assert.equal(request_id, answer.headers["x-request-id"]);
    assert.deepEqual(searched, { buckets: 2, files: 2, chunks: 4, terms_ignored: [] });
    assert.equal(results.length, 1);
    const { score, ...cited } = results[0];
    assert.ok(score > 0);
    assert.deepEqual(cited, {
      file_id: file.fileId,
      filename: "leave.txt",
      title: "leave.txt",
      buckets: [
        { id: hr, slug: "hr" },
        { id: legal, slug: "legal" },
      ],
      tags: ["signed"],
      metadata,
      chunk_id: `chunk_${file.fileId.slice(5)}_1_1`,
      text,
      highlights: [
        [0, 8],
        [9, 15],
        [29, 34],
      ],
      page: 2,
      pages: [2],
      char_start: 0,
      char_end: text.length,
      file_version: 1,
      duplicates: [],
    });
  });

  test("passages with the same text are one result that names the others, and do not use up the limit (§9)", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "a");
    const copies: TestFile[] = [];
    for (let n = 0; n < LIMITS.searchDuplicates + 3; n++)
      copies.push(await newDocument({ team, buckets: [bucket], texts: ["badges of visitors"] }));
    const other = await newDocument({ team, buckets: [bucket], texts: ["visitors park on the lot behind the gate"] });
    const { results } = (await post(team, { query: "visitors badges", limit: 2 })).json();
    assert.deepEqual(
      results.map((hit: { file_id: string }) => hit.file_id),
      [copies[0]?.fileId, other.fileId],
    );
    const named = copies.slice(1, 1 + LIMITS.searchDuplicates).map(({ fileId }) => ({
      file_id: fileId,
      chunk_id: `chunk_${fileId.slice(5)}_1_0`,
      page: 1,
    }));
    assert.deepEqual(results[0].duplicates, named);
    assert.deepEqual(results[1].duplicates, []);
    // One that is not visible is named nowhere either.
    const [hidden] = copies;
    assert.ok(hidden !== undefined);
    const elsewhere = { query: "badges", filters: { file_ids: copies.slice(1, 3).map(({ fileId }) => fileId) } };
    const filtered = (await post(team, elsewhere)).json().results;
    assert.equal(filtered.length, 1);
    assert.deepEqual(
      [filtered[0].file_id, ...filtered[0].duplicates.map((each: { file_id: string }) => each.file_id)],
      copies.slice(1, 3).map(({ fileId }) => fileId),
    );
  });

  test("a file is found through its own buckets alone, by id or slug, and through all of the team's when none is named", async () => {
    const team = await on.newTeam();
    const [a, b] = [await on.newBucket(team, "a"), await on.newBucket(team, "b")];
    const inA = (await newDocument({ team, buckets: [a], texts: ["zebra one"] })).fileId;
    const inB = (await newDocument({ team, buckets: [b], texts: ["zebra two"] })).fileId;
    const cases: readonly [object, readonly string[]][] = [
      [{ bucket: "a" }, [inA]],
      [{ bucket: a }, [inA]],
      [{ bucket_ids: [b] }, [inB]],
      [{ bucket_slugs: ["A"], bucket_ids: [a], bucket: "a" }, [inA]],
      [{ bucket_slugs: ["a", "b"] }, [inA, inB]],
      [{}, [inA, inB]],
    ];
    for (const [buckets, expected] of cases)
      assert.deepEqual(await found(team, { query: "zebra", ...buckets }), expected);
  });

  test("an unknown, foreign or archived bucket refuses the search and is named as it was sent, once (CRE-3, §9)", async () => {
    const [team, other] = [await on.newTeam(), await on.newTeam()];
    const [known, archived] = [await on.newBucket(team, "known"), await on.newBucket(team, "archived")];
    const foreign = await on.newBucket(other, "foreign");
    await newDocument({ team, buckets: [archived], texts: ["zebra"] });
    await on.t.db.updateTable("buckets").set({ status: "archived" }).where("id", "=", archived).execute();
    const bucketIds = [known, foreign, "nonsense", foreign];
    const answer = await post(team, {
      query: "...",
      bucket_ids: bucketIds,
      bucket_slugs: ["known", "ARCHIVED", "No!"],
      bucket: "bucket_x",
    });
    assert.equal(answer.statusCode, 400);
    const { code, details } = answer.json().error;
    assert.equal(code, "bucket_assignment_failed");
    assert.deepEqual(details.unresolved, [foreign, "nonsense", "ARCHIVED", "No!", "bucket_x"]);
    assert.deepEqual(await found(team, { query: "zebra" }), [], "all of the team's buckets are the active ones");
  });

  test("what is hidden behind many better chunks that are not shown is found all the same", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "hidden");
    const shown = await newDocument({
      team,
      buckets: [bucket],
      texts: ["A zebra among many other animals of the plain."],
    });
    const staged = Array.from({ length: 2 + LIMITS.searchExtraCandidates + 5 }, () => "zebra zebra zebra");
    await stage(team, shown, 2, [bucket], staged);
    assert.deepEqual(await found(team, { query: "zebra", limit: 1 }), [shown.fileId]);
  });

  test("only the active build is shown: neither a staged one nor a replaced one nor a deleted file's (POL-2)", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "a");
    const shown = await newDocument({ team, buckets: [bucket], texts: ["zebra"] });
    await stage(team, shown, 2, [bucket], ["zebra zebra staged"]);
    const queued = await on.newFile(team, { buckets: [bucket] });
    await stage(team, queued, 1, [bucket], ["zebra zebra"]);
    const answer = await post(team, { query: "zebra staged" });
    assert.deepEqual(
      answer.json().results.map((hit: { text: string }) => hit.text),
      ["zebra"],
    );
    await on.t.db.updateTable("file_buckets").set({ status: "failed" }).where("file_id", "=", shown.fileId).execute();
    assert.deepEqual(await found(team, { query: "zebra" }), []);
  });

  test("what is invisible never uses up the limit", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "a");
    const shown = await newDocument({
      team,
      buckets: [bucket],
      texts: ["one zebra among many other animals of the plain"],
    });
    await stage(
      team,
      shown,
      2,
      [bucket],
      Array.from({ length: 300 }, (_, n) => `zebra zebra ${n}`),
    );
    for (const limit of [1, 2, 10]) assert.deepEqual(await found(team, { query: "zebra", limit }), [shown.fileId]);
  });

  test("no team sees another's file, whatever it names", async () => {
    const [team, other] = [await on.newTeam(), await on.newTeam()];
    const bucket = await on.newBucket(other, "theirs");
    const theirs = await newDocument({ team: other, buckets: [bucket], texts: ["zebra"] });
    // Even if their chunks stood in our index: the catalogue decides.
    await stage(team, theirs, 1, [bucket], ["zebra"]);
    assert.deepEqual(await found(team, { query: "zebra" }), []);
    assert.deepEqual(await found(team, { query: "zebra", filters: { file_ids: [theirs.fileId] } }), []);
    assert.deepEqual(await found(other, { query: "zebra" }), [theirs.fileId]);
  });

  test("filters must all pass: every tag, one of the files, equal metadata", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "a");
    const make = async (tags: readonly string[], metadata: object) =>
      (await newDocument({ team, buckets: [bucket], texts: [`zebra ${JSON.stringify(metadata)}`], tags, metadata }))
        .fileId;
    const red = await make(["red"], { year: 2024, by: "Ann", note: null });
    const both = await make(["red", "big"], { year: 2024, by: "Bob", deep: { x: 1 } });
    const none = await make([], { year: "2024" });
    const cases: readonly [object, readonly string[]][] = [
      [{ tags: ["red"] }, [red, both]],
      [{ tags: [" red ", "big", "", "red"] }, [both]],
      [{ tags: ["green"] }, []],
      [{ file_ids: [none, both, "file_unknown", "no id"] }, [both, none]],
      [{ file_ids: [] }, []],
      [{ metadata: { year: 2024 } }, [red, both]],
      [{ metadata: { year: "2024" } }, [none]],
      [{ metadata: { year: 2024, by: "Bob" } }, [both]],
      [{ metadata: { note: null } }, [red]],
      [{ metadata: { by: null } }, []],
      [{ metadata: {} }, [red, both, none]],
      [{ metadata: { year: 2024 }, file_ids: [both, none] }, [both]],
      [{ metadata: { year: 2024 }, tags: ["big"], file_ids: [red] }, []],
    ];
    for (const [filters, expected] of cases) {
      const files = await found(team, { query: "zebra", filters });
      assert.deepEqual([...files].sort(), [...expected].sort(), JSON.stringify(filters));
    }
  });

  test("a metadata filter that matches more than 1 000 files is refused and says so; with a rarer pair it is not", async () => {
    const team = await on.newTeam();
    const bucket = await on.newBucket(team, "a");
    const file = await newDocument({ team, buckets: [bucket], texts: ["zebra"], metadata: { lang: "en", id: 7 } });
    const fingerprint = metadataFingerprint("lang", "en");
    const team_id = team.teamId;
    // Rows alone: a thousand whole files would say nothing more.
    on.t.database.exec("PRAGMA foreign_keys = OFF");
    on.t.database.exec("BEGIN IMMEDIATE");
    for (let n = 0; n < LIMITS.metadataFilterFiles; n++)
      await on.t.db
        .insertInto("file_metadata")
        .values({ team_id, fingerprint, file_id: on.t.ids.next("file") })
        .execute();
    on.t.database.exec("COMMIT");
    on.t.database.exec("PRAGMA foreign_keys = ON");
    const answer = await post(team, { query: "zebra", filters: { metadata: { lang: "en" } } });
    assert.equal(answer.statusCode, 400);
    const { code, message, details } = answer.json().error;
    assert.equal(code, "invalid_request");
    assert.equal(details.field, "filters.metadata");
    assert.match(message, /more than 1000 files/);
    assert.deepEqual(await found(team, { query: "zebra", filters: { metadata: { lang: "en", id: 7 } } }), [
      file.fileId,
    ]);
  });

  test("a query without words finds nothing", async () => {
    const team = await on.newTeam();
    await newDocument({ team, buckets: [await on.newBucket(team, "a")], texts: ["zebra"] });
    for (const query of [" ", "...", "*", "🙂", '"']) assert.deepEqual(await found(team, { query }), []);
  });

  test("what is wrong in a request is named", async () => {
    const team = await on.newTeam();
    const many = (count: number) => Array.from({ length: count }, (_, n) => `file_${n}`);
    const cases: readonly [object, string, string][] = [
      [{}, "invalid_request", "query"],
      [{ query: "" }, "invalid_request", "query"],
      [{ query: 5 }, "invalid_request", "query"],
      [{ query: "🦓".repeat(LIMITS.queryChars + 1) }, "invalid_request", "query"],
      [{ query: "a", limit: 0 }, "invalid_request", "limit"],
      [{ query: "a", limit: LIMITS.searchLimitMax + 1 }, "invalid_request", "limit"],
      [{ query: "a", limit: 1.5 }, "invalid_request", "limit"],
      [{ query: "a", mode: "semantic" }, "invalid_mode", "mode"],
      [{ query: "a", mode: "hybrid" }, "invalid_mode", "mode"],
      [{ query: "a", mode: "psychic" }, "invalid_mode", "mode"],
      [{ query: "a", filters: { tags: "red" } }, "invalid_request", "filters.tags"],
      [{ query: "a", filters: { metadata: [] } }, "invalid_request", "filters.metadata"],
      [{ query: "a", filters: { metadata: { x: [1] } } }, "invalid_request", "filters.metadata.x"],
      [{ query: "a", filters: { file_ids: many(LIMITS.searchFileIds + 1) } }, "invalid_request", "filters.file_ids"],
      [{ query: "a", bucket_slugs: many(201) }, "invalid_request", "bucket_ids"],
    ];
    for (const [request, code, field] of cases) {
      const answer = await post(team, request);
      const label = JSON.stringify(request).slice(0, 80);
      assert.equal(answer.statusCode, 400, label);
      assert.equal(answer.json().error.code, code, label);
      assert.equal(answer.json().error.details.field, field, label);
      if (code === "invalid_mode") assert.deepEqual(answer.json().error.details.available, ["keyword"]);
    }
    const longest = { query: "🦓".repeat(LIMITS.queryChars), limit: LIMITS.searchLimitMax, mode: "keyword" };
    assert.deepEqual(await found(team, longest), []);
  });

  test("a key without the scope search is refused (ALL-10)", async () => {
    const team = await on.newTeam();
    const answer = await post(team, { query: "a" }, await on.newKey(team, ["files:read"]));
    assert.equal(answer.statusCode, 403);
    assert.equal(answer.json().error.details.required, "search");
  });

  test("an index that cannot answer is 503 and retryable, never an empty answer", async () => {
    const team = await on.newTeam();
    broken = true;
    const answer = await post(team, { query: "zebra" });
    broken = false;
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.json().error.code, "storage_unavailable");
    assert.ok(answer.headers["retry-after"] !== undefined);
  });
});
