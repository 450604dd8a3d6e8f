import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import { test } from "node:test";
import { usageOf } from "../../src/extraction/process-usage.ts";
import { Api } from "../support/api.ts";
import { http } from "../support/http.ts";
import { shown, textAt } from "../support/json.ts";
import { NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

// Text that a pattern takes exponential or quadratic time with, in each place where a stranger can put it. The server
// is a process of its own, and its processor time is what is compared: waiting for a busy machine costs none.

const server = NEEDS_OWN_SERVER === false ? await ownServer() : null;
const api = new Api(server?.url ?? "", server?.key ?? "");
const LONG = " ".repeat(15_000);
const MARKS = "\u0300\u0316".repeat(13_000);

/** Just below what a request's head may have. */
const PLAIN_HEAD = { "X-Nothing": LONG };

test("a create whose content_type can be divided in exponentially many ways is refused at once", {
  skip: NEEDS_OWN_SERVER,
}, async () => {
  for (const parts of [22, 80]) {
    const answer = await api.createRaw(api.createBody(1, { content_type: `a/b${";  ".repeat(parts)}(` }));
    assert.equal(answer.status, 400, shown(answer.json));
    assert.equal(textAt(answer.json, "error", "details", "field"), "content_type");
  }
  assert.equal((await http(`${server?.url}/healthz`)).status, 200);
});

/** Sends one request and asserts its answer. */
type Send = () => Promise<void>;

const answers = (status: number, body: unknown, headers: OutgoingHttpHeaders): Send => {
  return async () => assert.equal((await api.createRaw(body, headers)).status, status);
};

const create = (fields: Record<string, unknown> = {}) => api.createBody(10, fields);
const typed = (type: string) => answers(415, {}, { "Content-Type": type });

const put = (headers: OutgoingHttpHeaders, status: number): Send => {
  return async () => {
    const { url } = await api.create(10);
    assert.equal((await http(url, { method: "PUT", body: "0123456789", headers })).status, status);
  };
};

const CASES: readonly (readonly [what: string, hostile: Send, harmless: Send])[] = [
  ["a Content-Type with blanks and a letter", typed(`application/json${LONG}x`), answers(400, {}, PLAIN_HEAD)],
  [
    "a Content-Type with blanks behind its charset",
    typed(`application/json; charset=utf-8${LONG}x`),
    answers(400, {}, PLAIN_HEAD),
  ],
  [
    "a Content-Type with blanks before a parameter",
    typed(`application/json${LONG}; x=y`),
    answers(400, {}, PLAIN_HEAD),
  ],
  [
    "a Content-Type with blanks on both sides of its charset",
    typed(`application/json;${LONG.slice(0, 7000)}charset=utf-8${LONG.slice(0, 7000)};;x`),
    answers(400, {}, PLAIN_HEAD),
  ],
  ["an X-Goog-Hash with blanks", put({ "X-Goog-Hash": `md5=${LONG}x` }, 400), put(PLAIN_HEAD, 200)],
  [
    "a file name of combining marks that have to be sorted",
    answers(400, create({ filename: `a${MARKS}` }), {}),
    answers(201, create({ unknown: MARKS }), {}),
  ],
];

const REQUESTS = 20;
const SLACK_MS = 300;

for (const [what, hostile, harmless] of CASES) {
  test(`${what} costs the server no more than as many harmless bytes`, {
    skip: NEEDS_OWN_SERVER !== false ? NEEDS_OWN_SERVER : usageOf(process.pid) === null ? "needs /proc" : false,
  }, async () => {
    const expected = await processorMs(harmless);
    const spent = await processorMs(hostile);
    assert.ok(
      spent <= 3 * expected + SLACK_MS,
      `${spent} ms for ${REQUESTS} requests, ${expected} ms for harmless ones`,
    );
  });
}

/** What the server's process spends on 20 of them. */
async function processorMs(send: Send): Promise<number> {
  await send();
  const before = usageOf(server?.pid ?? 0)?.cpuMs ?? Number.NaN;
  for (let sent = 0; sent < REQUESTS; sent++) await send();
  return (usageOf(server?.pid ?? 0)?.cpuMs ?? Number.NaN) - before;
}
