import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { MCP_LIMITS } from "../../src/mcp/limits.ts";
import { type HttpAnswer, http } from "../support/http.ts";
import { at, listAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { NEEDS_OWN_SERVER, openTarget } from "../support/target.ts";

/** `/mcp` as HTTP: what no client of the SDK would send, and what pages of other origins might. */

const { api, url, server } = await openTarget();
const MCP = `${url}/mcp`;
const ACCEPT = "application/json, text/event-stream";

function post(body: unknown, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
  return http(MCP, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.key}`, "Content-Type": "application/json", Accept: ACCEPT, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const request = (id: number, method: string, params: object = {}) => ({ jsonrpc: "2.0", id, method, params });
const callOf = (id: number, name: string, args: object = {}) => request(id, "tools/call", { name, arguments: args });

/** The messages of an answer, be it JSON or events. */
function messagesOf({ text, json }: HttpAnswer): readonly unknown[] {
  if (json !== undefined) return [json].flat();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data));
}

test("a page of another origin cannot call it, with a key neither; programs and our own pages can", async () => {
  for (const origin of [
    "https://evil.example",
    "http://127.0.0.1:1",
    `${url}.evil.example`,
    "null",
    "file://",
    url.toUpperCase(),
  ]) {
    const answer = await post(callOf(1, "list_files"), { Origin: origin });
    assert.equal(answer.status, 403, origin);
    assert.equal(textAt(answer.json, "error", "code"), "forbidden_origin");
  }
  const preflight = await http(MCP, {
    method: "OPTIONS",
    headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "POST" },
  });
  assert.ok(preflight.status >= 400 && preflight.headers["access-control-allow-origin"] === undefined);
  assert.equal((await post(callOf(1, "list_files"), { Origin: url })).status, 200);
  assert.equal((await post(callOf(1, "list_files"))).status, 200);
});

proves(["ALL-1", "ALL-2"], "nobody reaches it without a key, and it takes POST alone", async () => {
  const none = await http(MCP, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  assert.equal(none.status, 401);
  assert.equal(none.headers["www-authenticate"], "Bearer");
  for (const method of ["GET", "DELETE", "PUT"]) {
    const answer = await api.call(method, "/mcp", { headers: { Accept: ACCEPT } });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers["allow"], "POST");
  }
});

proves(["ALL-9"], "a body of /mcp has at most 1 MiB and is JSON as everywhere", async () => {
  const large = callOf(1, "search", { query: "x", more: "x".repeat(MCP_LIMITS.bodyBytes) });
  const cases: readonly (readonly [body: unknown, headers: OutgoingHttpHeaders, status: number])[] = [
    [large, {}, 413],
    ["{", {}, 400],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"__proto__":{}}}', {}, 400],
    [`${"[".repeat(40)}${"]".repeat(40)}`, {}, 400],
    [request(1, "tools/list"), { "Content-Type": "text/plain" }, 415],
    [request(1, "tools/list"), { Accept: "text/html" }, 406],
    [request(1, "tools/list"), { "MCP-Protocol-Version": "1999-01-01" }, 400],
    ["null", {}, 400],
    ["{}", {}, 400],
    [[], {}, 400],
    [Array.from({ length: 101 }, (_, id) => request(id, "ping")), {}, 400],
  ];
  for (const [body, headers, status] of cases)
    assert.equal((await post(body, headers)).status, status, JSON.stringify(body).slice(0, 60));
});

test("no request needs one before it, notifications are taken, and a batch is answered whole", async () => {
  const [listed] = messagesOf(await post(request(1, "tools/list")));
  assert.ok(listAt(listed, "result", "tools").length === 7);
  const notified = await post({ jsonrpc: "2.0", method: "notifications/initialized" });
  assert.deepEqual([notified.status, notified.text], [202, ""]);
  const batch = [callOf(1, "list_files"), callOf(2, "search", { query: "a" }), request(3, "resources/templates/list")];
  const answers = messagesOf(await post(batch));
  assert.deepEqual(answers.map((answer) => at(answer, "id")).sort(), [1, 2, 3]);
  const [unknown] = messagesOf(await post(request(1, "tools/absent")));
  assert.equal(at(unknown, "error", "code"), -32_601);
});

test("a batch that holds a call and its own cancellation is answered, the other calls of it as well", async () => {
  const cancel = (requestId: unknown) => ({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } });
  for (const batch of [
    [callOf(1, "list_files"), cancel(1)],
    [cancel(1), callOf(1, "list_files")],
    [callOf(1, "search", { query: "a" }), cancel(1), callOf(2, "list_files"), cancel(2), cancel("3")],
  ]) {
    const asked = batch.filter((message) => "id" in message).length;
    const answers = messagesOf(await post(batch));
    assert.equal(answers.length, asked, JSON.stringify(batch));
    assert.ok(answers.every((answer) => at(answer, "result") !== undefined));
  }
  assert.equal((await post([cancel(1), cancel(2)])).status, 202);
  assert.equal((await post(cancel(1))).status, 202);
  // Two of one id: the protocol forbids it, and whoever does it is not left waiting.
  assert.ok(messagesOf(await post([callOf(1, "list_files"), callOf(1, "list_files")])).length > 0);
});

describe("of what an agent did", { skip: NEEDS_OWN_SERVER }, () => {
  test("metrics count calls by tool and outcome, and the log holds neither key nor text", async () => {
    assert.ok(server !== null);
    const word = `logged${randomUUID().replaceAll("-", "")}`;
    const content_base64 = Buffer.from(word).toString("base64");
    await post(
      callOf(1, "upload_file", {
        filename: `${word}.txt`,
        content_base64,
        buckets: [word],
        create_missing_buckets: true,
      }),
    );
    await post(callOf(2, "search", { query: word }));
    await post(callOf(3, "read_page", { file_id: word }));
    const figures = (await api.get("/metrics")).text;
    assert.match(figures, /^wharf_mcp_calls_total\{tool="upload_file",outcome="done"\} [1-9]/m);
    assert.match(figures, /^wharf_mcp_calls_total\{tool="read_page",outcome="refused"\} [1-9]/m);
    assert.match(figures, /^wharf_http_request_seconds_count\{method="POST",route="\/mcp",status="2xx"\} [1-9]/m);
    assert.match(figures, /^wharf_http_request_seconds_count\{method="POST",route="\/v1\/knowledge\/search"/m);
    assert.ok(!server.log.includes(word) && !server.log.includes(api.key) && !server.log.includes(content_base64));
  });
});
