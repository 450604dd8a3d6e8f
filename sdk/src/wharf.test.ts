import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { Calls } from "./core/calls.ts";
import { ApiError, ConnectionError } from "./core/errors.ts";
import { realTiming } from "./core/patience.ts";
import { serve } from "./test-server.ts";
import { Wharf } from "./wharf.ts";

/** A client of a server that answers as the test says, one that gives up at once. */
async function clientOf(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  return new Wharf({ baseUrl: await serve(t, answer), apiKey: "sk_secret", retryForMs: 0 });
}

test("an address or a key that cannot be one is refused at once, and a key is never shown", () => {
  const tries: readonly (readonly [string, string, RegExp])[] = [
    ["127.0.0.1:8686", "sk_x", /baseUrl must be an http or https URL/],
    ["ftp://x", "sk_x", /baseUrl/],
    ["http://x/?a=1", "sk_x", /baseUrl/],
    ["http://x", "", /apiKey is empty/],
    ["http://x", "sk_secret\n", /^WharfError: apiKey (?!.*secret)/],
  ];
  for (const [baseUrl, apiKey, says] of tries) assert.throws(() => new Wharf({ baseUrl, apiKey }), says);
  // @ts-expect-error: process.env.WHARF_API_KEY in JavaScript
  assert.throws(() => new Wharf({ baseUrl: "http://x", apiKey: undefined }), /apiKey is empty/);
  const wharf = new Wharf({ baseUrl: "http://x", apiKey: "sk_secret" });
  assert.doesNotMatch(inspect(wharf, { depth: 9, showHidden: true }), /sk_secret/);
});

test("the address is taken with and without /v1, and ids are parts of it, whatever they hold", async (t) => {
  const urls: unknown[] = [];
  const wharf = await clientOf(t, (request, response) => {
    urls.push(request.url);
    response.end("{}");
  });
  await wharf.connection();
  await wharf.files.get("a/../b?c");
  await wharf.files
    .list({ tag: ["x", "ü"], metadata: { "a b": 1 }, limit: 5 })
    .pages()
    .next();
  await assert.rejects(wharf.files.get(".."), { code: "not_found" });
  await assert.rejects(wharf.files.get(""), { code: "not_found" });
  assert.deepEqual(urls, [
    "/v1/connection",
    "/v1/knowledge/files/a%2F..%2Fb%3Fc",
    "/v1/knowledge/files?tag=x&tag=%C3%BC&limit=5&metadata.a+b=1",
  ]);
});

test("a refusal has the server's code, sentence, details and request; one of a proxy has its status", async (t) => {
  const error = { code: "forbidden_scope", message: "Use another.", retryable: false, details: { required: "search" } };
  const own = await clientOf(t, (_, response) => {
    response.writeHead(403).end(JSON.stringify({ error, request_id: "req_1" }));
  });
  await assert.rejects(own.connection(), (thrown) => {
    assert.ok(ApiError.is(thrown, "forbidden_scope"));
    assert.partialDeepStrictEqual(
      { ...thrown, message: thrown.message },
      {
        message: "Use another.",
        status: 403,
        retryable: false,
        details: { required: "search" },
        requestId: "req_1",
      },
    );
    return true;
  });
  const proxy = await clientOf(t, (_, response) => void response.writeHead(502).end("<h1>Bad gateway</h1>"));
  await assert.rejects(proxy.connection(), { code: "http_502", retryable: true, requestId: null });
});

test("what is no Wharf server is told so: no JSON, a redirect, nothing at all", async (t) => {
  const page = await clientOf(t, (_, response) => void response.end("<html>"));
  await assert.rejects(page.connection(), { code: "bad_answer", message: /does not name a Wharf server/ });
  const urls: unknown[] = [];
  const moved = await clientOf(t, (request, response) => {
    urls.push(request.url);
    response.writeHead(307, { Location: "/elsewhere" }).end();
  });
  await assert.rejects(moved.connection(), { code: "bad_answer", message: /redirects/ });
  assert.deepEqual(urls, ["/v1/connection"], "a key does not follow");
  const nobody = new Wharf({ baseUrl: "http://127.0.0.1:1", apiKey: "sk_x", retryForMs: 0 });
  await assert.rejects(nobody.connection(), {
    code: "unreachable",
    message: /127\.0\.0\.1:1 does not answer .*running/,
  });
});

test("an answer without an end is refused, and one that is cut is a lost connection", async (t) => {
  const endless = await clientOf(t, (_, response) => {
    const more = () => response.write(Buffer.alloc(1_000_000, 32)) && setImmediate(more);
    response.on("drain", more);
    more();
  });
  await assert.rejects(endless.connection(), { code: "bad_answer", message: /larger than 16 MiB/ });
  const cut = await clientOf(t, (_, response) => {
    response.writeHead(200, { "Content-Length": 100 }).write("{");
    setImmediate(() => response.destroy());
  });
  await assert.rejects(cut.connection(), ConnectionError);
});

test("the text of a long document is larger than other answers, and comes whole", async (t) => {
  const text = "a".repeat(17 * 1024 * 1024);
  const wharf = await clientOf(t, (_, response) => void response.end(JSON.stringify({ pages: [{ page: 1, text }] })));
  const { pages } = await wharf.files.text("file_1");
  assert.equal(pages[0]?.text.length, text.length);
});

test("a create that is repeated keeps its key, and each has one (IDE-2)", async (t) => {
  const keys: unknown[] = [];
  const { calls } = await clientOf(t, (request, response) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length % 2 === 1) response.destroy();
    else response.writeHead(201).end("{}");
  });
  const timing = { ...realTiming, wait: async () => {} };
  const wharf = new Wharf({ baseUrl: calls.options.baseUrl, apiKey: "sk_x", timing });
  const input = { body: { filename: "a", size_bytes: 1, bucket: "b" } };
  await wharf.calls.json("createUploadSession", input);
  await wharf.calls.json("createUploadSession", input);
  await wharf.calls.answered("createUploadSession", input, { "Idempotency-Key": "mine" }, {});
  assert.match(String(keys[0]), /^wharf-[0-9a-f]{32}$/);
  assert.deepEqual([keys[0], keys[2], "mine"], [keys[1], keys[3], keys[5]]);
  assert.equal(new Set(keys).size, 3);
});

test("what must not happen twice is repeated only when the server says that it did not begin", async (t) => {
  const error = (code: string) => JSON.stringify({ error: { code, retryable: true }, request_id: "req_1" });
  const cases = [
    [429, error("rate_limited"), 2],
    [503, error("overloaded"), 2],
    [500, error("internal"), 1],
    [503, "<h1>Unavailable</h1>", 1],
    ["cut", "", 1],
  ] as const;
  for (const [status, text, times] of cases) {
    let count = 0;
    const once = await clientOf(t, (_, response) => {
      count += 1;
      if (count > 1) response.writeHead(201).end("{}");
      else if (status === "cut") response.destroy();
      else response.writeHead(status).end(text);
    });
    const { baseUrl } = once.calls.options;
    const timing = { ...realTiming, wait: async () => {} };
    const wharf = new Wharf({ baseUrl, apiKey: "sk_x", timing });
    const made = wharf.buckets.create({ slug: "a" });
    if (times === 2) await made;
    else await assert.rejects(made);
    assert.equal(count, times, `${status} ${text}`);
  }
});

test("after a lost answer what would answer otherwise the second time is not asked for again, and all else is", async (t) => {
  const asked: string[] = [];
  const { calls } = await clientOf(t, ({ method, url }, response) => {
    const line = `${method} ${url}`;
    asked.push(line);
    if (asked.filter((each) => each === line).length === 1) response.destroy();
    else response.end("{}");
  });
  const timing = { ...realTiming, wait: async () => {} };
  const patient = new Calls("sk_secret", { ...calls.options, timing, retryForMs: 60_000 });
  await assert.rejects(patient.json("deleteBucket", { path: { bucket_id: "b" } }), ConnectionError);
  await assert.rejects(patient.json("retryTask", { path: { task_id: "t" } }), ConnectionError);
  await patient.json("deleteFile", { path: { file_id: "f" } });
  const file = "DELETE /v1/knowledge/files/f";
  assert.deepEqual(asked, ["DELETE /v1/knowledge/buckets/b", "POST /v1/knowledge/tasks/t/retry", file, file]);
});
