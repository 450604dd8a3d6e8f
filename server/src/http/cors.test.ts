import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openTestApp, type TestApp } from "./test-app.ts";

const PAGE = "https://app.example.com";

function preflight(origin: string) {
  return {
    method: "OPTIONS" as const,
    url: "/v1/connection",
    headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization" },
  };
}

describe("pages of a listed origin", () => {
  let t: TestApp;
  before(async () => {
    t = await openTestApp({ settings: { apiOrigins: `${PAGE},https://other.example.com` } });
  });
  after(() => t.close());

  test("may ask before they call, without a key, and may send one", async () => {
    const answer = await t.inject(preflight(PAGE));
    assert.equal(answer.statusCode, 204);
    assert.equal(answer.body, "");
    assert.equal(answer.headers["access-control-allow-origin"], PAGE);
    assert.match(String(answer.headers["access-control-allow-headers"]), /Authorization.*Idempotency-Key/);
    assert.match(String(answer.headers["access-control-allow-methods"]), /PATCH/);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    assert.match(String(answer.headers["vary"]), /Origin/);
  });

  test("are told nothing of what is there before they have a key", async () => {
    const known = await t.inject(preflight(PAGE));
    const unknown = await t.inject({ ...preflight(PAGE), url: "/v1/nothing" });
    assert.equal(unknown.statusCode, known.statusCode);
    assert.equal(unknown.headers["access-control-allow-methods"], known.headers["access-control-allow-methods"]);
  });

  test("read answers and refusals, and when to come back", async () => {
    const good = await t.get("/v1/connection", { origin: PAGE });
    const refused = await t.inject({ url: "/v1/connection", headers: { origin: PAGE } });
    const absent = await t.get("/v1/nothing", { origin: PAGE });
    assert.deepEqual(
      [good, refused, absent].map((answer) => answer.statusCode),
      [200, 401, 404],
    );
    for (const answer of [good, refused, absent]) {
      assert.equal(answer.headers["access-control-allow-origin"], PAGE);
      assert.match(String(answer.headers["access-control-expose-headers"]), /Idempotent-Replayed.*Retry-After/);
    }
  });

  test("are the only ones: other origins, and OPTIONS that is no preflight, get 401 as before", async () => {
    for (const origin of ["https://app.example.com.evil.example", "http://app.example.com", "null"]) {
      const answer = await t.inject(preflight(origin));
      assert.equal(answer.statusCode, 401, origin);
      assert.equal(answer.headers["access-control-allow-origin"], undefined, origin);
    }
    assert.equal(
      (await t.inject({ method: "OPTIONS", url: "/v1/connection", headers: { origin: PAGE } })).statusCode,
      401,
    );
  });

  test("read nothing outside the API", async () => {
    const answer = await t.inject({ url: "/healthz", headers: { origin: PAGE } });
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });
});

test("without the setting no page reads anything, and * lets all", async () => {
  const closed = await openTestApp();
  const opened = await openTestApp({ settings: { apiOrigins: "*" } });
  try {
    assert.equal(
      (await closed.get("/v1/connection", { origin: PAGE })).headers["access-control-allow-origin"],
      undefined,
    );
    assert.equal((await closed.inject(preflight(PAGE))).statusCode, 401);
    assert.equal((await opened.get("/v1/connection", { origin: PAGE })).headers["access-control-allow-origin"], "*");
    assert.equal((await opened.inject(preflight("null"))).statusCode, 204);
  } finally {
    await closed.close();
    await opened.close();
  }
});
