import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InjectOptions } from "fastify";
import { Type } from "typebox";
import type { App } from "./route.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

/** A route to read, and one with parameters and a body. */
function someRoutes(app: App): void {
  app.get("/v1/things/:how", {
    config: { scope: "files:read" },
    schema: { params: Type.Object({ how: Type.String() }), response: { 200: Type.Object({ how: Type.String() }) } },
    handler: async (request) => ({ how: request.params.how }),
  });
  app.post("/v1/echo", {
    config: { scope: "files:write" },
    schema: {
      body: Type.Object({ name: Type.String(), size: Type.Optional(Type.Integer({ minimum: 1 })) }),
      querystring: Type.Object({ dry: Type.Optional(Type.Boolean()), tag: Type.Optional(Type.Array(Type.String())) }),
      response: { 201: Type.Object({ name: Type.String(), dry: Type.Boolean(), tags: Type.Array(Type.String()) }) },
    },
    handler: async (request, reply) => {
      const { body, query } = request;
      return reply.code(201).send({ name: body.name, dry: query.dry ?? false, tags: query.tag ?? [] });
    },
  });
}

let t: TestApp;
before(async () => {
  t = await openTestApp({ routes: [someRoutes] });
});
after(() => t.close());

describe("success bodies", () => {
  test("are JSON with the request's id in body and header, and a team that comes from the key (ALL-2, ALL-4)", async () => {
    const answer = await t.get("/v1/connection?team_id=team_other");
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    const body = answer.json();
    assert.match(body.request_id, /^req_[a-z0-9]{26}$/);
    assert.equal(body.request_id, answer.headers["x-request-id"]);
    assert.equal(body.team_id, t.teamId);
    assert.deepEqual(body.key.scopes, ["files:write", "files:read", "search"]);
  });

  test("ids of requests are made here, never taken from the client (ALL-4)", async () => {
    const answer = await t.get("/v1/connection", { "x-request-id": "req_mine", "request-id": "req_mine" });
    assert.notEqual(answer.headers["x-request-id"], "req_mine");
  });

  test("are neither cached nor sniffed, and leave no referrer", async () => {
    for (const answer of [
      await t.get("/v1/connection"),
      await t.get("/v1/nothing"),
      await t.inject({ url: "/healthz" }),
    ]) {
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      assert.equal(answer.headers["referrer-policy"], "no-referrer");
    }
  });
});

describe("authentication (ALL-2)", () => {
  test("unknown, revoked, malformed, doubled and misplaced keys get one and the same 401", async () => {
    const cases: readonly (readonly [string, InjectOptions])[] = [
      ["no header", {}],
      ["empty", { headers: { authorization: "" } }],
      ["no scheme", { headers: { authorization: t.key } }],
      ["another scheme", { headers: { authorization: `Basic ${t.key}` } }],
      // Another last character than it has, whichever that is: keys are random.
      ["unknown", { headers: { authorization: `Bearer ${t.key.slice(0, -1)}${t.key.endsWith("x") ? "y" : "x"}` } }],
      ["cut", { headers: { authorization: `Bearer ${t.key.slice(0, 20)}` } }],
      ["not ours", { headers: { authorization: "Bearer pk_0123456789abcdef" } }],
      ["something after it", { headers: { authorization: `Bearer ${t.key} x` } }],
      ["in the query", { query: { api_key: t.key, access_token: t.key } }],
      ["in another header", { headers: { "x-api-key": t.key } }],
    ];
    for (const [name, options] of cases) {
      const answer = await t.inject({ url: "/v1/connection", ...options });
      assert.equal(answer.statusCode, 401, name);
      assert.equal(answer.headers["www-authenticate"], "Bearer", name);
      const { request_id, ...body } = answer.json();
      assert.match(request_id, /^req_/);
      assert.deepEqual(
        body,
        {
          error: {
            code: "invalid_api_key",
            message: "Send a valid project API key: Authorization: Bearer sk_… (wharf keys create makes one).",
            retryable: false,
            details: {},
          },
        },
        name,
      );
    }
  });

  test("the scheme is case-insensitive", async () => {
    const answer = await t.inject({ url: "/v1/connection", headers: { authorization: `bearer ${t.key}` } });
    assert.equal(answer.statusCode, 200);
  });
});

describe("the order of refusals (contract §12)", () => {
  const authorization = () => `Bearer ${t.key}`;
  const json = "application/json";
  const big = "x".repeat(70_000);

  test("401 before 404 before 405 before 403 before 415, 413 and 400", async () => {
    const { key: searcher } = await t.newKey(["search"]);
    const cases: readonly (readonly [string, InjectOptions, number, string])[] = [
      ["401 before an unknown route", { url: "/v1/nothing" }, 401, "invalid_api_key"],
      ["401 at /v1 itself", { url: "/v1" }, 401, "invalid_api_key"],
      ["401 before a wrong method", { method: "PUT", url: "/v1/connection" }, 401, "invalid_api_key"],
      ["401 before a bad body", { method: "POST", url: "/v1/echo", payload: "{" }, 401, "invalid_api_key"],
      ["401 before malformed encoding", { url: "/v1/things/%E0%A4%A" }, 401, "invalid_api_key"],
      ["401 for a route spelled with escapes", { url: "/%76%31/connection" }, 401, "invalid_api_key"],
      ["401 for preflights: the API has no CORS", { method: "OPTIONS", url: "/v1/connection" }, 401, "invalid_api_key"],
      ["404 outside /v1 without a key", { url: "/nothing" }, 404, "not_found"],
      [
        "404 before a bad body",
        {
          method: "POST",
          url: "/v1/nothing",
          payload: big,
          headers: { authorization: authorization(), "content-type": "a" },
        },
        404,
        "not_found",
      ],
      [
        "405 before 403 and a bad body",
        {
          method: "PUT",
          url: "/v1/echo",
          payload: big,
          headers: { authorization: `Bearer ${searcher}`, "content-type": "a" },
        },
        405,
        "method_not_allowed",
      ],
      [
        "403 before a bad body",
        {
          method: "POST",
          url: "/v1/echo",
          payload: big,
          headers: { authorization: `Bearer ${searcher}`, "content-type": "a" },
        },
        403,
        "forbidden_scope",
      ],
      [
        "415 before 413",
        {
          method: "POST",
          url: "/v1/echo",
          payload: big,
          headers: { authorization: authorization(), "content-type": "text/plain" },
        },
        415,
        "unsupported_content_type",
      ],
      [
        "413 before 400",
        {
          method: "POST",
          url: "/v1/echo",
          payload: big,
          headers: { authorization: authorization(), "content-type": json },
        },
        413,
        "request_too_large",
      ],
      [
        "400 for malformed encoding in a path",
        { url: "/v1/things/%E0%A4%A", headers: { authorization: authorization() } },
        400,
        "invalid_request",
      ],
      [
        "400 for malformed encoding in a query",
        { url: "/v1/connection?a=%", headers: { authorization: authorization() } },
        400,
        "invalid_request",
      ],
      [
        "400 for NUL in a query",
        { url: "/v1/connection?a=%00", headers: { authorization: authorization() } },
        400,
        "invalid_request",
      ],
    ];
    for (const [name, options, status, code] of cases) {
      const answer = await t.inject(options);
      assert.equal(answer.statusCode, status, `${name}: ${answer.body}`);
      assert.equal(answer.json().error.code, code, name);
    }
  });

  test("403 names the scope that is missing (ALL-10)", async () => {
    const { key } = await t.newKey(["search"]);
    const answer = await t.get("/v1/things/fine", { authorization: `Bearer ${key}` });
    assert.equal(answer.statusCode, 403);
    assert.deepEqual(answer.json().error.details, { required: "files:read" });
  });

  test("a new key has all scopes but admin, and /v1/connection takes any key (ALL-10)", async () => {
    const { key } = await t.newKey(["admin"]);
    const answer = await t.get("/v1/connection", { authorization: `Bearer ${key}` });
    assert.deepEqual(answer.json().key.scopes, ["admin"]);
  });

  test("405 names the methods that there are, for every method that Node reads", async () => {
    for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "PURGE"]) {
      const answer = await t.app.inject({
        // The types know the common methods alone; the router is asked for all.
        ...{ method },
        url: "/v1/connection",
        headers: { authorization: authorization() },
      });
      assert.equal(answer.statusCode, 405, method);
      assert.equal(answer.headers.allow, "GET, HEAD", method);
      assert.equal(answer.json().error.code, "method_not_allowed");
    }
  });

  test("GET routes answer HEAD with the same status and headers and no body", async () => {
    const get = await t.get("/v1/connection");
    const head = await t.inject({ method: "HEAD", url: "/v1/connection", headers: { authorization: authorization() } });
    assert.equal(head.statusCode, 200);
    assert.equal(head.body, "");
    assert.equal(head.headers["content-length"], get.headers["content-length"]);
    assert.equal(head.headers["content-type"], get.headers["content-type"]);
    const refused = await t.inject({ method: "HEAD", url: "/v1/connection" });
    assert.equal(refused.statusCode, 401);
    assert.equal(refused.body, "");
  });

  test("a route under /v1 that names no scope stops the start", async () => {
    const forgotten = (app: App): void => {
      app.get("/v1/forgotten", async () => ({}));
    };
    await assert.rejects(openTestApp({ routes: [forgotten] }), /GET \/v1\/forgotten names no scope/);
  });
});

describe("parameters and bodies of routes (ALL-9)", () => {
  test("wrong types are 400 naming the field, unknown fields are ignored, nothing is coerced", async () => {
    const cases: readonly (readonly [unknown, number, string])[] = [
      [{ name: "a" }, 201, ""],
      [{ name: "a", size: 5, team_id: "team_x", status: "deleted" }, 201, ""],
      [{ name: "a", size: null }, 201, ""],
      [{}, 400, "name"],
      [{ name: null }, 400, "name"],
      [{ name: 5 }, 400, "name"],
      [{ name: "a", size: "5" }, 400, "size"],
      [{ name: "a", size: 5.5 }, 400, "size"],
      [{ name: "a", size: 0 }, 400, "size"],
      [{ name: "a", size: true }, 400, "size"],
      [[], 400, ""],
      ["text", 400, ""],
      [5, 400, ""],
      [null, 400, ""],
    ];
    for (const [payload, status, field] of cases) {
      const answer = await t.post("/v1/echo", JSON.stringify(payload));
      assert.equal(answer.statusCode, status, `${JSON.stringify(payload)}: ${answer.body}`);
      if (status !== 400) continue;
      const { error } = answer.json();
      assert.equal(error.code, "invalid_request");
      assert.equal(error.details.field, field, answer.body);
    }
  });

  test("query parameters are read as declared, strictly", async () => {
    const cases: readonly (readonly [string, number, object])[] = [
      ["", 201, { dry: false, tags: [] }],
      ["?dry=true&tag=a&tag=b", 201, { dry: true, tags: ["a", "b"] }],
      ["?dry=false&tag=a", 201, { dry: false, tags: ["a"] }],
      ["?other=1&__proto__=2", 201, { dry: false, tags: [] }],
      ["?dry=1", 400, { field: "dry" }],
      ["?dry=", 400, { field: "dry" }],
      ["?dry=true&dry=true", 400, { field: "dry" }],
    ];
    for (const [query, status, expected] of cases) {
      const answer = await t.post(`/v1/echo${query}`, { name: "a" });
      assert.equal(answer.statusCode, status, `${query}: ${answer.body}`);
      const { request_id, name, error, ...rest } = answer.json();
      assert.deepEqual(status === 201 ? rest : error.details, expected, query);
    }
  });
});
