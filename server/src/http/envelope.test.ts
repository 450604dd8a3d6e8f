import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Type } from "typebox";
import { BlobStoreError } from "../blobs/blob-store.ts";
import { WharfError } from "../errors.ts";
import { SearchIndexError } from "../search-index/search-index.ts";
import type { App } from "./route.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

/** As Fastify's plugins throw them. */
function pluginError(statusCode: number): Error {
  return Object.assign(new Error("a plugin's words about /srv/data"), { statusCode, code: "FST_ERR_PLUGIN" });
}

/** Routes that fail in every way that there is. */
function faultyRoutes(app: App): void {
  const thrown: Record<string, unknown> = {
    limited: new WharfError("rate_limited", { headers: { "Retry-After": "7" } }),
    conflict: new WharfError("conflict", { message: "It is finalized.", details: { file_id: "file_1" } }),
    unavailable: new BlobStoreError("unavailable", "EIO on /srv/data/blobs"),
    full: new BlobStoreError("full", "ENOSPC"),
    missing: new BlobStoreError("missing", "no such blob in /srv/data"),
    index: new SearchIndexError("no index in /srv/data"),
    defect: new TypeError("SELECT secret FROM /srv/data"),
    text: "a thrown string of /srv/data",
    forbidden: pluginError(403),
    large: pluginError(413),
    odd: pluginError(418),
    upstream: pluginError(502),
  };
  app.get("/v1/faulty/:how", {
    config: { scope: "files:read" },
    schema: { params: Type.Object({ how: Type.String() }), response: { 200: Type.Object({ how: Type.String() }) } },
    handler: async (request) => {
      if (request.params.how in thrown) throw thrown[request.params.how];
      return { how: request.params.how };
    },
  });
}

let t: TestApp;
before(async () => {
  t = await openTestApp({ routes: [faultyRoutes] });
});
after(() => t.close());

describe("errors (ALL-5)", () => {
  test("carry code, message, retryable, details and request id; nothing of the inside gets out", async () => {
    const cases: readonly (readonly [string, number, string, boolean, string | undefined])[] = [
      ["limited", 429, "rate_limited", true, "7"],
      ["conflict", 409, "conflict", false, undefined],
      ["unavailable", 503, "storage_unavailable", true, "2"],
      ["full", 507, "storage_full", true, "60"],
      ["index", 503, "storage_unavailable", true, "2"],
      ["missing", 500, "internal", true, undefined],
      ["defect", 500, "internal", true, undefined],
      ["text", 500, "internal", true, undefined],
      ["forbidden", 404, "not_found", false, undefined],
      ["large", 413, "request_too_large", false, undefined],
      ["odd", 400, "invalid_request", false, undefined],
      ["upstream", 500, "internal", true, undefined],
    ];
    for (const [how, status, code, retryable, retryAfter] of cases) {
      const answer = await t.get(`/v1/faulty/${how}`);
      assert.equal(answer.statusCode, status, how);
      assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
      assert.equal(answer.headers["retry-after"], retryAfter, how);
      const { error, request_id } = answer.json();
      assert.equal(error.code, code);
      assert.equal(error.retryable, retryable);
      assert.equal(typeof error.message, "string");
      assert.equal(typeof error.details, "object");
      assert.equal(request_id, answer.headers["x-request-id"]);
      assert.doesNotMatch(answer.body, /srv\/data|SELECT|\.ts|\\n *at /);
    }
  });

  test("a defect is logged once, with its cause and the request's id, by pattern and not by URL", async () => {
    t.logged.length = 0;
    const answer = await t.get("/v1/faulty/defect?secret=1");
    assert.equal(t.logged.length, 1);
    const [entry] = t.logged;
    assert.equal(entry?.level, "error");
    const { err, ...fields } = Object(entry?.fields);
    assert.equal(err.message, "SELECT secret FROM /srv/data");
    assert.deepEqual(fields, {
      request_id: answer.headers["x-request-id"],
      method: "GET",
      route: "/v1/faulty/:how",
      code: "internal",
    });
  });

  test("a plugin's refusal keeps its status and is no defect: nothing above debug is logged", async () => {
    t.logged.length = 0;
    const cases = { "/docs/static//x": 404, "/docs/static/..%2fpackage.json": 404, "/v1/faulty/large": 413 };
    for (const [url, status] of Object.entries(cases)) assert.equal((await t.get(url)).statusCode, status, url);
    assert.deepEqual(
      t.logged.filter(({ level }) => level !== "debug"),
      [],
    );
  });

  test("the type is application/problem+json when Accept prefers it, else application/json", async () => {
    const cases: readonly (readonly [string | undefined, boolean])[] = [
      [undefined, false],
      ["*/*", false],
      ["application/*", false],
      ["application/json", false],
      ["text/html", false],
      ["application/problem+json", true],
      ["application/problem+json, application/json;q=0.5", true],
      ["application/json, application/problem+json;q=0.5", false],
      ["application/problem+json;q=0", false],
      [";;;q=", false],
    ];
    for (const [accept, problem] of cases) {
      const answer = await t.get("/v1/faulty/conflict", accept === undefined ? {} : { accept });
      const type = problem ? "application/problem+json; charset=utf-8" : "application/json; charset=utf-8";
      assert.equal(answer.headers["content-type"], type, accept);
      const { error, request_id, ...members } = answer.json();
      assert.equal(error.code, "conflict");
      const expected = {
        type: "/openapi.json#/x-error-codes/conflict",
        title: "Conflict",
        status: 409,
        detail: "It is finalized.",
        instance: `urn:request:${request_id}`,
      };
      assert.deepEqual(members, problem ? expected : {}, accept);
    }
  });
});

describe("health", () => {
  test("needs no key", async () => {
    const health = await t.inject({ url: "/healthz" });
    assert.deepEqual([health.statusCode, health.json().status], [200, "ok"]);
    const ready = await t.inject({ url: "/readyz" });
    assert.deepEqual([ready.statusCode, ready.json().checks], [200, { catalogue: "ok" }]);
    for (const { headers } of [health, ready]) assert.equal(headers["content-type"], "application/json; charset=utf-8");
  });

  test("what the machine lacks is told in full to a key of scope admin, and to others in a word", async () => {
    const checks = { catalogue: "ok", extraction_sandbox: "reduced" };
    const inFull = { extraction_sandbox: "reduced: readers can reach the network" };
    const app = await openTestApp({ readiness: async () => ({ ready: true, checks, inFull }), scopes: ["admin"] });
    try {
      const { key: plain } = await app.newKey(["files:read", "search"]);
      const told = async (headers: Record<string, string>) =>
        (await app.inject({ url: "/readyz", headers })).json().checks.extraction_sandbox;
      assert.equal(await told({ authorization: `Bearer ${app.key}` }), inFull.extraction_sandbox);
      for (const headers of [{}, { authorization: `Bearer ${plain}` }, { authorization: "Bearer sk_none" }])
        assert.equal(await told(headers), "reduced");
    } finally {
      await app.close();
    }
  });

  test("readyz is 503 with Retry-After and what is wrong while the server is not ready", async () => {
    const readiness = async () => ({
      ready: false,
      refusal: "shutting_down" as const,
      checks: { server: "is shutting down" },
    });
    const closing = await openTestApp({ readiness });
    try {
      const answer = await closing.inject({ url: "/readyz" });
      assert.equal(answer.statusCode, 503);
      assert.equal(answer.headers["retry-after"], "2");
      assert.deepEqual(answer.json().error.details, { checks: { server: "is shutting down" } });
    } finally {
      await closing.close();
    }
  });
});
