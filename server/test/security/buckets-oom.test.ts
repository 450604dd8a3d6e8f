import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Api } from "../support/api.ts";
import { at, listAt, textAt } from "../support/json.ts";
import { RawConnection } from "../support/raw.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";
import { figure } from "./loud-team.ts";
import { seedBuckets } from "./seeded-rows.ts";

/** Twenty empty buckets a create, without end, and one listing of all of them that was built whole in memory. */
const LIMIT = 50;
const BUCKETS = 20_000;
const server = NEEDS_OWN_SERVER === false ? await ownServer({ WHARF_BUCKETS_PER_TEAM: String(LIMIT) }) : null;

describe("a team that makes buckets without end", { skip: NEEDS_OWN_SERVER, timeout: 300_000 }, () => {
  test("is refused at the limit in force, which OpenAPI names; other teams and its own buckets go on", async () => {
    assert.ok(server !== null);
    const loud = new Api(server.url, server.key);
    const named = (from: number, count: number) => ({
      bucket: undefined,
      bucket_slugs: Array.from({ length: count }, (_, n) => `b${from + n}`),
    });
    for (const from of [0, 20]) await loud.create(1, named(from, 20));
    const refused = await loud.createRaw(loud.createBody(1, named(40, 11)));
    assert.equal(refused.status, 400);
    assert.equal(at(refused.json, "error", "code"), "bucket_assignment_failed");
    assert.equal(at(refused.json, "error", "details", "limit"), LIMIT);
    assert.match(refused.text, /A team may have 50 buckets/);
    await loud.create(1, named(40, 10));
    await loud.create(1, named(0, 20));
    assert.equal(listAt((await loud.get("/v1/knowledge/buckets")).json, "buckets").length, LIMIT);
    await new Api(server.url, await server.mintKey("quiet")).create(1);
    assert.match((await loud.get("/openapi.json")).text, /A team may have 50 buckets/);
  });

  test("gets a listing of what it has above the limit as fast as it reads it, and no faster is it read from the catalogue", async () => {
    assert.ok(server !== null);
    await server.end();
    seedBuckets(join(server.dataDir, "catalogue.db"), { team: "default", count: BUCKETS });
    await server.begin();
    const pages = 'wharf_catalogue_operations_total{operation="buckets.list",outcome="done"}';
    const connection = await RawConnection.open(server.url);
    const listing = `${server.url}/v1/knowledge/buckets`;
    await connection.writeHead("GET", listing, [`Authorization: Bearer ${server.key}`]);
    connection.pauseReading();
    while ((await figure(server.url, pages)) === 0);
    // Authentication and answers go on beside it.
    const quiet = new Api(server.url, await server.mintKey("quiet2"));
    for (let n = 0; n < 20; n++) assert.equal((await quiet.get("/v1/connection")).status, 200);
    const read = await figure(server.url, pages);
    assert.ok(read < BUCKETS / 100 / 2, `${read} pages of ${BUCKETS / 100} were read for a client that takes nothing`);
    connection.destroy();
    const { status, json } = await new Api(server.url, server.key).get("/v1/knowledge/buckets", {}, 120_000);
    assert.equal(status, 200);
    assert.equal(listAt(json, "buckets").length, BUCKETS + LIMIT);
    assert.match(textAt(json, "request_id"), /^req_/);
  });
});
