import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readConfig } from "../config.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { Downloads } from "../files/downloads.ts";
import { openTestFiles, type TestFiles, type TestTeam } from "../files/test-files.ts";
import { createApp } from "../http/app.ts";
import type { App } from "../http/route.ts";
import { LIMITS } from "../limits.ts";
import { bucketRoutes } from "./routes.ts";
import { listBuckets } from "./store.ts";

let files: TestFiles;
let app: App;
let listings: Downloads;
before(async () => {
  files = await openTestFiles();
  const { catalogue, ids } = files.t;
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent, fatal: silent };
  const { walks, listings: places } = testBudgets();
  listings = new Downloads(places);
  const config = readConfig({}, {});
  app = await createApp({
    answers: testBudgets().answers,
    bodies: testBudgets().bodies,
    catalogue,
    ids,
    config,
    log,
    routes: [(app) => bucketRoutes(app, { catalogue, walks, listings, log, ids, config })],
    readiness: async () => ({ ready: true, checks: {} }),
  });
});
after(async () => {
  await app.close();
  await files.close();
});

const get = (team: TestTeam, query = "") =>
  app.inject({ url: `/v1/knowledge/buckets${query}`, headers: { authorization: `Bearer ${team.key}` } });

describe("GET /v1/knowledge/buckets (contract §6)", () => {
  test("shows a bucket in the full shape, with counts by the state of its files", async () => {
    const team = await files.newTeam();
    const id = await files.newBucket(team, "legal");
    const made = [];
    for (const state of ["queued", "indexed", "indexed", "failed"] as const)
      made.push((await files.newFile(team, { state, buckets: [id] })).fileId);
    const answer = await get(team);
    assert.equal(answer.statusCode, 200, answer.body);
    const { team_id, buckets, request_id, ...rest } = answer.json();
    assert.equal(team_id, team.teamId);
    assert.match(request_id, /^req_/);
    assert.deepEqual(rest, {});
    assert.equal(buckets.length, 1);
    const { name, description, created_at, updated_at, bucketStore, ...bucket } = buckets[0];
    const { last_synced_at, ...store } = bucketStore;
    assert.match(created_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.match(updated_at, /Z$/);
    assert.match(last_synced_at, /Z$/);
    assert.equal(description, null);
    assert.equal(typeof name, "string");
    assert.deepEqual(bucket, {
      id,
      teamId: team.teamId,
      slug: "legal",
      status: "active",
      knowledgeIds: [...made].sort(),
      fileIds: [...made].sort(),
      fileKnowledgeIds: [...made].sort(),
      fileIdsTruncated: false,
      filesCount: 4,
      memberCount: 4,
      rawMemberCount: 4,
      fileCount: 4,
      retrievableFileCount: 2,
      staleMemberCount: 0,
      activeNonFileMemberCount: 0,
      counts: { raw_members: 4, file: 4, retrievable_files: 2 },
    });
    assert.deepEqual(store, {
      alias: "legal",
      status: "active",
      file_count: 4,
      indexed_file_count: 2,
      pending_file_count: 1,
      member_count: 4,
      indexed_member_count: 2,
      pending_member_count: 1,
      last_error: null,
    });
  });

  test("lists the caller's team alone, active buckets by default, archived ones when asked", async () => {
    const [team, other] = [await files.newTeam(), await files.newTeam()];
    await files.newBucket(team, "b");
    await files.newBucket(team, "a");
    const old = await files.newBucket(team, "old");
    await files.newBucket(other, "theirs");
    await files.t.db.updateTable("buckets").set({ status: "archived" }).where("id", "=", old).execute();
    const slugs = async (query: string) => (await get(team, query)).json().buckets.map((b: { slug: string }) => b.slug);
    assert.deepEqual(await slugs(""), ["a", "b"]);
    assert.deepEqual(await slugs("?include_archived=false"), ["a", "b"]);
    assert.deepEqual(await slugs("?include_archived=true"), ["a", "b", "old"]);
  });

  test("is unpaginated however many there are, and paginates when limit or cursor is given", async () => {
    const team = await files.newTeam();
    const names = Array.from({ length: LIMITS.bucketsPerRead * 2 + 5 }, (_, i) => `b${String(i).padStart(4, "0")}`);
    for (const name of names) await files.newBucket(team, name);
    const all = (await get(team)).json();
    assert.equal(all.buckets.length, names.length);
    assert.equal("next_cursor" in all, false);

    const seen: string[] = [];
    let cursor: string | null = "";
    for (let page = 0; cursor !== null && page < 10; page++) {
      const query: string = cursor === "" ? "?limit=70" : `?limit=70&cursor=${cursor}`;
      const answer = (await get(team, query)).json();
      seen.push(...answer.buckets.map((b: { slug: string }) => b.slug));
      cursor = answer.next_cursor;
    }
    assert.deepEqual(seen, names);

    const foreign = (await get(team, "?limit=1")).json().next_cursor;
    const refused: readonly (readonly [TestTeam, string, string])[] = [
      [await files.newTeam(), `?cursor=${foreign}`, "cursor"],
      [team, "?cursor=abc", "cursor"],
      [team, "?cursor=", "cursor"],
      [team, `?cursor=${foreign}x`, "cursor"],
      [team, "?limit=0", "limit"],
      [team, "?limit=201", "limit"],
      [team, "?limit=ten", "limit"],
      [team, "?include_archived=yes", "include_archived"],
    ];
    for (const [who, query, field] of refused) {
      const answer = await get(who, query);
      assert.equal(answer.statusCode, 400, `${query}: ${answer.body}`);
      assert.equal(answer.json().error.details.field, field);
    }
  });

  test("a bucket names 1 000 of its files at most, says so, and counts them all (BUC-7)", async () => {
    const team = await files.newTeam();
    const id = await files.newBucket(team, "full");
    for (const more of [LIMITS.bucketFileIds, 1]) {
      for (let n = 0; n < more; n++) await files.newFile(team, { buckets: [id] });
      const { buckets } = (await get(team, "")).json();
      const [{ fileIds, fileIdsTruncated, filesCount }] = buckets;
      const isFull = more === 1;
      assert.deepEqual([fileIds.length, fileIdsTruncated, filesCount], [1000, isFull, isFull ? 1001 : 1000]);
    }
  });

  test("what an answer may hold of ids is shared out by slug, and buckets say where ids are missing (BUC-7)", async () => {
    const team = await files.newTeam();
    const made = [];
    for (const slug of ["a", "b", "c"]) {
      const id = await files.newBucket(team, slug);
      for (let n = 0; n < 3; n++) made.push((await files.newFile(team, { buckets: [id] })).fileId);
    }
    await files.newBucket(team, "d");
    const wanted = { teamId: team.teamId, includeArchived: false, slugPrefix: "", after: null, limit: 200, fileIds: 5 };
    const { buckets } = await files.t.catalogue.run(listBuckets, wanted);
    assert.deepEqual(
      buckets.map(({ slug, fileIds, fileIdsTruncated }) => [slug, fileIds, fileIdsTruncated]),
      [
        ["a", made.slice(0, 3), false],
        ["b", made.slice(3, 5), true],
        ["c", [], true],
        ["d", [], false],
      ],
    );
  });

  test("HEAD answers without a body and gives its place back; a team beyond its share is refused, another is not", async () => {
    const team = await files.newTeam();
    const head = await app.inject({
      method: "HEAD",
      url: "/v1/knowledge/buckets",
      headers: { authorization: `Bearer ${team.key}` },
    });
    assert.equal(head.statusCode, 200);
    assert.equal(head.body, "");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(listings.running, 0);
    const held = Array.from({ length: LIMITS.bucketListings / 2 }, () =>
      listings.take({ teamId: team.teamId, keyId: null }),
    );
    const refused = await get(team);
    assert.equal(refused.statusCode, 503);
    assert.equal(refused.json().error.code, "overloaded");
    assert.equal((await get(await files.newTeam())).statusCode, 200);
    for (const place of held) place.free();
    assert.equal((await get(team)).statusCode, 200);
  });
});
