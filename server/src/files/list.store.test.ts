import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { idOrSlug } from "../buckets/named.ts";
import type { FileState } from "../catalogue/schema.ts";
import type { BucketId, FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { listFiles } from "./list.store.ts";
import type { ListFilter, ListPosition } from "./list.ts";
import { metadataFingerprint } from "./metadata-fingerprint.ts";

/** More than are sorted: so a filter that matches all of them takes the other plan. */
const FILES = LIMITS.listSortRows + 500;
const STATES: readonly FileState[] = ["indexed", "indexed", "queued", "failed", "deleted", "indexing"];

interface Seeded {
  readonly id: FileId;
  readonly state: FileState;
  readonly createdAt: number;
  readonly filename: string;
  readonly tags: readonly string[];
  readonly metadata: readonly string[];
  readonly buckets: readonly BucketId[];
}

let t: TestCatalogue;
let team: TeamId;
let other: TeamId;
let large: BucketId;
let small: BucketId;
let foreign: BucketId;
const files: Seeded[] = [];

before(async () => {
  t = await openTestCatalogue();
  [team, other] = [await t.newTeam(), await t.newTeam()];
  [large, small, foreign] = [await t.newBucket(team), await t.newBucket(team), await t.newBucket(other)];
  t.database.exec("BEGIN");
  for (let i = 0; i < FILES; i++) files.push(seed(team, i));
  // The other team has the same tags and metadata, and is in none of this team's buckets.
  for (let i = 0; i < 50; i++) seed(other, i);
  t.database.exec("COMMIT");
});
after(() => t.close());

/** Straight into the tables, through prepared statements: 2 500 files by way of finalize would take a while. */
function seed(teamId: TeamId, i: number): Seeded {
  const id = t.ids.next("file");
  const state = STATES[i % STATES.length] ?? "indexed";
  // Several of one millisecond, and not in the order of their ids.
  const createdAt = 1_700_000_000_000 + ((i * 7) % 1000);
  const [build, version] = state === "indexed" ? ["task_1_1", 1] : [null, null];
  const dead = state === "deleted";
  const filename = dead ? "" : `Report_${i}%.txt`;
  insert("tasks", {
    ...{ id: `task_${id}`, team_id: teamId, file_id: id, type: "index", state: "succeeded", version: 1 },
    ...{ stage: "activating", lane: "fast", fair_at: i, created_at: 0, updated_at: 0, finished_at: 1 },
  });
  insert("files", {
    ...{ id, team_id: teamId, state, title: dead ? "" : "t", filename, content_type: "text/plain" },
    ...{
      size_bytes: 1,
      sha256: "",
      tags: "[]",
      metadata: "{}",
      version: 1,
      active_version: version,
      active_build: build,
    },
    ...{ session_id: `sess_${id}`, task_id: `task_${id}`, error_code: state === "failed" ? "internal" : null },
    ...{ created_at: createdAt, updated_at: createdAt, deleted_at: dead ? createdAt : null },
  });
  if (dead) return { id, state, createdAt, filename, tags: [], metadata: [], buckets: [] };
  const tags = ["all", ...(i % 2 === 0 ? ["half"] : []), ...(i % 100 === 0 ? ["rare"] : [])];
  const metadata = [metadataFingerprint("all", true), ...(i % 50 === 0 ? [metadataFingerprint("year", 2024)] : [])];
  const buckets = teamId === other ? [foreign] : [large, ...(i % 30 === 0 ? [small] : [])];
  for (const tag of tags) insert("file_tags", { team_id: teamId, tag, file_id: id });
  for (const fingerprint of metadata) insert("file_metadata", { team_id: teamId, fingerprint, file_id: id });
  for (const bucket_id of buckets)
    insert("file_buckets", { team_id: teamId, bucket_id, file_id: id, status: "active", version: 1, created_at: 0 });
  return { id, state, createdAt, filename, tags, metadata, buckets };
}

function insert(table: string, row: Record<string, string | number | null>): void {
  const names = Object.keys(row);
  const places = names.map(() => "?").join(",");
  t.database.prepare(`INSERT INTO ${table} (${names.join(",")}) VALUES (${places})`).run(...Object.values(row));
}

/** What the list ought to be, by looking at every file. */
function expected(filter: ListFilter): readonly FileId[] {
  const bucket = filter.bucket?.id ?? null;
  const found = files
    .filter((file) => (filter.status === null ? file.state !== "deleted" : file.state === filter.status))
    .filter((file) => filter.tags.every((tag) => file.tags.includes(tag)))
    .filter((file) => filter.metadata.every((fingerprint) => file.metadata.includes(fingerprint)))
    .filter((file) => bucket === null || file.buckets.includes(bucket))
    .filter((file) => filter.createdAfter === null || file.createdAt > filter.createdAfter)
    .filter((file) => filter.name === null || file.filename.toLowerCase().includes(filter.name.toLowerCase()))
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
    .map((file) => file.id);
  return filter.order === "newest" ? found : found.toReversed();
}

async function pages(filter: ListFilter, limit: number): Promise<readonly FileId[]> {
  const found: FileId[] = [];
  let after: ListPosition | null = null;
  do {
    const page: Awaited<ReturnType<typeof listFiles.run>> = await t.catalogue.run(listFiles, {
      teamId: team,
      filter,
      limit,
      after,
    });
    assert.ok(page.files.length <= limit);
    assert.ok(page.next === null || page.files.length === limit, "only the last page is short");
    found.push(...page.files.map((file) => file.id));
    after = page.next;
  } while (after !== null);
  return found;
}

function subsetsOf(values: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: 2 ** values.length }, (_, set) => values.filter((_value, i) => (set >> i) % 2 === 1));
}

const none: ListFilter = {
  bucket: null,
  tags: [],
  status: null,
  metadata: [],
  createdAfter: null,
  createdBefore: null,
  name: null,
  order: "newest",
};

describe("a list", () => {
  test("is every file that passes all filters, in its order, each once, whatever the filters' sizes and the pages'", async () => {
    const buckets = [null, idOrSlug(large), idOrSlug(small)];
    const years = subsetsOf([metadataFingerprint("all", true), metadataFingerprint("year", 2024)]);
    const tagSets = subsetsOf(["all", "half", "rare"]);
    const filters = buckets.flatMap((bucket) =>
      tagSets.flatMap((tags) => years.map((metadata) => ({ ...none, bucket, tags, metadata }))),
    );
    for (const [i, filter] of filters.entries()) {
      const status = [null, null, ...STATES][i % 8] ?? null;
      const createdAfter = [null, 1_700_000_000_500, null, null, 1_700_000_000_990][i % 5] ?? null;
      const limit = [200, 97, 20][i % 3] ?? 200;
      const name = [null, "rt_7", "REPORT_", "1%.t", "none"][i % 5] ?? null;
      const order = i % 2 === 0 ? "newest" : "oldest";
      for (const each of [filter, { ...filter, status, createdAfter }, { ...filter, name, order } as const])
        assert.deepEqual(await pages(each, limit), expected(each), JSON.stringify({ each, limit }));
    }
  });

  test("by a name takes % and _ as they are, and ASCII letters in either case", async () => {
    for (const name of ["_1%.TXT", "report_10", "%", "\\", "_", "Ä"])
      assert.deepEqual(await pages({ ...none, name }, 200), expected({ ...none, name }), name);
    assert.deepEqual(await pages({ ...none, name: "eport%1" }, 200), []);
  });

  test("of everything leaves out deleted files alone", async () => {
    const found = await pages(none, 200);
    assert.deepEqual(found, expected(none));
    assert.equal(found.length, files.filter((file) => file.state !== "deleted").length);
  });

  test("finds a bucket by id or slug, and is empty for an unknown one, another team's and a name that is neither", async () => {
    const slug = small.replaceAll("_", "-");
    const wanted = expected({ ...none, bucket: idOrSlug(small) });
    assert.deepEqual(await pages({ ...none, bucket: idOrSlug(slug) }, 200), wanted);
    for (const bucket of [
      idOrSlug(foreign),
      idOrSlug(foreign.replaceAll("_", "-")),
      { ...idOrSlug(t.ids.next("bucket")), slug: "nothing" },
      idOrSlug("?"),
    ])
      assert.deepEqual(await pages({ ...none, bucket }, 200), []);
  });

  test("of a tag that another team uses too shows none of its files (ALL-6)", async () => {
    const page = await t.catalogue.run(listFiles, {
      teamId: other,
      filter: { ...none, tags: ["rare"] },
      limit: 200,
      after: null,
    });
    const own = new Set(files.map((file) => file.id));
    assert.equal(page.files.length, 1);
    assert.ok(page.files.every((file) => !own.has(file.id)));
  });

  test("goes on below its cursor's position while files are added and removed above it", async () => {
    const filter = { ...none, tags: ["rare"] };
    const first = await t.catalogue.run(listFiles, { teamId: team, filter, limit: 5, after: null });
    const rest = expected(filter).slice(5);
    const newest = t.ids.next("file");
    insert("tasks", {
      ...{ id: `task_${newest}`, team_id: team, file_id: newest, type: "index", state: "succeeded", version: 1 },
      ...{ stage: "activating", lane: "fast", fair_at: 0, created_at: 0, updated_at: 0, finished_at: 1 },
    });
    insert("files", {
      ...{ id: newest, team_id: team, state: "queued", title: "t", filename: "f", content_type: "", size_bytes: 1 },
      ...{
        sha256: "",
        tags: "[]",
        metadata: "{}",
        version: 1,
        session_id: `sess_${newest}`,
        task_id: `task_${newest}`,
      },
      ...{ created_at: 1_800_000_000_000, updated_at: 1_800_000_000_000 },
    });
    insert("file_tags", { team_id: team, tag: "rare", file_id: newest });
    const next = await t.catalogue.run(listFiles, { teamId: team, filter, limit: 200, after: first.next });
    assert.deepEqual(
      next.files.map((file) => file.id),
      rest,
    );
  });
});
