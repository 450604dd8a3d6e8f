import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openTestApp, type TestApp } from "./test-app.ts";

describe("the HTTP edge", () => {
  let t: TestApp;
  before(async () => {
    t = await openTestApp();
  });
  after(() => t.close());

  test("a valid key reaches the route, and the answer has its request id in body and header (ALL-2, ALL-4)", async () => {
    const answer = await t.get("/v1/connection");
    assert.equal(answer.statusCode, 200, answer.body);
    const body = answer.json();
    assert.equal(body.request_id, answer.headers["x-request-id"]);
  });
});
