import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { bucketRoutes } from "../buckets/routes.ts";
import { readConfig } from "../config.ts";
import { CATALOGUE } from "../errors.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { Downloads } from "../files/downloads.ts";
import { createIdSource } from "../ids.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

const { walks, listings: places } = testBudgets();
const listings = new Downloads(places);
const ids = createIdSource({ now: () => 0 });
const config = readConfig({}, {});
const log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

let t: TestApp;
before(async () => {
  t = await openTestApp({
    routesOver: (catalogue) => [(app) => bucketRoutes(app, { catalogue, walks, listings, log, ids, config })],
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
    assert.match(document.info.description, /POST \/mcp/, "what is no operation of it is named");
    assert.deepEqual(Object.keys(document.paths).sort(), [
      "/healthz",
      "/readyz",
      "/v1/connection",
      "/v1/knowledge/buckets",
      "/v1/knowledge/buckets/{bucket_id}",
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

  test("names the public URL as its server, with the path that a proxy has it below", async () => {
    const behind = await openTestApp({ settings: { publicUrl: "https://files.example.com/wharf" } });
    const document = (await behind.inject({ url: "/openapi.json" })).json();
    assert.deepEqual(document.servers, [{ url: "https://files.example.com/wharf" }]);
    assert.equal("servers" in (await t.inject({ url: "/openapi.json" })).json(), false);
    await behind.close();
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
    const loaded = [...page.body.matchAll(/(?:src|href)="([^":]+)"/g)].map(([, url = ""]) => url);
    assert.ok(loaded.length >= 3, page.body);
    for (const url of loaded) {
      assert.doesNotMatch(url, /^\/\//, url);
      const file = await t.inject({ url: new URL(url, "http://localhost/docs/").pathname });
      assert.equal(file.statusCode, 200, url);
      assert.equal(file.headers["content-security-policy"], policy, url);
      if (url.endsWith(".css")) assert.doesNotMatch(file.body, /url\(["']?https?:|@import/, url);
    }
    const settings = await t.inject({ url: "/docs/static/start.js" });
    assert.match(settings.body, /validatorUrl: null/);
    assert.doesNotMatch(settings.body, /https?:/);
  });

  test("the page finds its parts with and without a slash at the end, also below a path of a proxy", async () => {
    for (const address of ["/docs", "/docs/"]) {
      const page = await t.inject({ url: address });
      const loaded = [...page.body.matchAll(/(?:src|href)="([^":]+)"/g)].map(([, url = ""]) => url);
      assert.equal(loaded.length, 3, page.body);
      for (const url of loaded) {
        const { pathname } = new URL(url, `http://localhost/wharf${address}`);
        assert.match(pathname, /^\/wharf\//);
        assert.equal((await t.inject({ url: pathname.slice("/wharf".length) })).statusCode, 200, pathname);
      }
    }
  });
});

describe("large constant answers", () => {
  const PATHS = ["/openapi.json", "/docs", "/docs/static/swagger-ui-bundle.js"];

  test("come in the smallest encoding that the client takes, each with an ETag of its own", async () => {
    const cases: readonly (readonly [string | undefined, string | undefined])[] = [
      [undefined, undefined],
      ["", undefined],
      ["identity", undefined],
      ["gzip, deflate, br, zstd", "br"],
      ["gzip", "gzip"],
      ["br;q=0, gzip;q=0.1", "gzip"],
      ["zstd", undefined],
      ["*;q=0", undefined],
    ];
    for (const url of PATHS) {
      const plain = (await t.inject({ url })).rawPayload;
      const etags = new Set<string>();
      for (const [accept, encoding] of cases) {
        const headers = accept === undefined ? {} : { "accept-encoding": accept };
        const answer = await t.inject({ url, headers });
        assert.equal(answer.headers["content-encoding"], encoding, `${url} ${accept}`);
        assert.equal(answer.headers["vary"], "Accept-Encoding");
        assert.equal(answer.headers["content-length"], String(answer.rawPayload.length));
        const decoded =
          encoding === "br" ? brotliDecompressSync : encoding === "gzip" ? gunzipSync : (bytes: Buffer) => bytes;
        assert.ok(decoded(answer.rawPayload).equals(plain), `${url} ${accept}`);
        const etag = String(answer.headers["etag"]);
        etags.add(etag);
        const again = await t.inject({ url, headers: { ...headers, "if-none-match": etag } });
        assert.equal(again.statusCode, 304);
        assert.equal(again.rawPayload.length, 0);
        assert.equal(again.headers["etag"], etag);
        const head = await t.inject({ method: "HEAD", url, headers });
        assert.equal(head.headers["content-length"], String(answer.rawPayload.length));
      }
      assert.equal(etags.size, 3);
    }
  });

  test("are not there when WHARF_DOCS is off", async () => {
    const bare = await openTestApp({ settings: { docs: "off" } });
    for (const url of [...PATHS, "/docs/"]) assert.equal((await bare.inject({ url })).statusCode, 404, url);
    assert.equal((await bare.inject({ url: "/healthz" })).statusCode, 200);
    await bare.close();
  });
});
