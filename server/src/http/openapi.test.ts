import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { bucketRoutes } from "../buckets/routes.ts";
import { CATALOGUE } from "../errors.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { Downloads } from "../files/downloads.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

const { walks, listings: places } = testBudgets();
const listings = new Downloads({ places, idleMs: 60_000 });
const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

let t: TestApp;
before(async () => {
  t = await openTestApp({
    routesOver: (catalogue) => [(app) => bucketRoutes(app, { catalogue, walks, listings, log })],
  });
});
after(() => t.close());

describe("/openapi.json", () => {
  test("is OpenAPI 3.1 without a key, and names each route with its scope, answers and errors", async () => {
    const answer = await t.inject({ url: "/openapi.json" });
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
    const document = answer.json();
    assert.equal(document.openapi, "3.1.0");
    assert.deepEqual(Object.keys(document.paths).sort(), [
      "/healthz",
      "/readyz",
      "/v1/connection",
      "/v1/knowledge/buckets",
      "/v1/uploads/{session_id}/{signature}",
    ]);
    const buckets = document.paths["/v1/knowledge/buckets"].get;
    assert.deepEqual(buckets.security, [{ bearerAuth: [] }]);
    assert.match(buckets.description, /scope files:read/);
    assert.deepEqual(Object.keys(buckets.responses), ["200", "400", "401", "403", "500", "503"]);
    const shown = buckets.responses["200"].content["application/json"].schema;
    assert.ok(shown.required.includes("request_id"));
    assert.deepEqual(buckets.responses["401"].content["application/json"].schema, {
      $ref: "#/components/schemas/Error",
    });
    assert.deepEqual(document.paths["/healthz"].get.security, []);
    assert.deepEqual(document.paths["/v1/uploads/{session_id}/{signature}"].put.security, []);
    assert.deepEqual(document.components.schemas.Error.properties.error.properties.code.enum, Object.keys(CATALOGUE));
    assert.equal(document["x-error-codes"].rate_limited.status, 429);
    assert.equal("request_id" in document, false);
  });

  test("every reference leads somewhere", async () => {
    const document = (await t.inject({ url: "/openapi.json" })).json();
    for (const [, pointer = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let target = document;
      for (const part of pointer.split("/")) target = target?.[part];
      assert.ok(target, pointer);
    }
  });
});

describe("/docs", () => {
  test("loads nothing from outside, and its policy would not let it", async () => {
    const page = await t.inject({ url: "/docs/" });
    assert.equal(page.statusCode, 200);
    const policy = String(page.headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /https?:|\*/);
    const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = ""]) => url);
    assert.ok(loaded.length >= 5, page.body);
    for (const url of loaded) {
      assert.doesNotMatch(url, /^(?:https?:)?\/\//, url);
      const file = await t.inject({ url: new URL(url, "http://localhost/docs/").pathname });
      assert.equal(file.statusCode, 200, url);
      assert.equal(file.headers["content-security-policy"], policy, url);
      if (url.endsWith(".css")) assert.doesNotMatch(file.body, /url\(["']?https?:|@import/, url);
    }
    const settings = await t.inject({ url: "/docs/static/swagger-initializer.js" });
    assert.match(settings.body, /validatorUrl: null|"validatorUrl":null/);
    assert.doesNotMatch(settings.body.replace(/\/\/ If you get[^\n]*/, ""), /https?:\/\//);
    const document = (await t.inject({ url: "/docs/json" })).json();
    assert.deepEqual(document, (await t.inject({ url: "/openapi.json" })).json());
  });
});
