import assert from "node:assert/strict";
import { objectAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";
import { AnswerJudge } from "./answer-judge.ts";
import { AnswerSchemas } from "./operations.ts";
import { exchangeBytes } from "./raw-exchange.ts";

/**
 * Framing that two servers in a row may read differently. Behind most cases a second request waits: whoever carries
 * it out has taken a part of the first one's body for a request of its own.
 */

const { api, url } = await openTarget();
const session = await api.create(10);
const upload = new URL(session.url).pathname;
const judge = new AnswerJudge(new AnswerSchemas(objectAt((await api.get("/openapi.json")).json)));

const HOST = "Host: a\r\n";
const KEY = `Authorization: Bearer ${api.key}\r\n`;
const SEARCH = `POST /v1/knowledge/search HTTP/1.1\r\n${HOST}${KEY}Content-Type: application/json\r\n`;
const WHO = `GET /v1/connection HTTP/1.1\r\n${HOST}${KEY}`;
const BODY = '{"query":"a"}';
const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
/** Says whose key it is, which no answer to a search or a refusal does. */
const HIDDEN = `${WHO}\r\n`;
const FILLER = "a:\r\n".repeat(2100);

/** Behind everything: when it is answered too, each request was taken for what it is. */
const LAST = `GET /healthz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const ALSO_LAST = 200;

/** The statuses of all answers, in order; after a refusal the connection ends. */
type Case = readonly [what: string, bytes: string, statuses: readonly number[]];

const LENGTHS: readonly Case[] = [
  ["chunked after a length", `${SEARCH}Content-Length: 4\r\n${CHUNKED}\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["a length after chunked", `${SEARCH}${CHUNKED}Content-Length: 4\r\n\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["an unknown coding", `${SEARCH}Transfer-Encoding: xchunked\r\n\r\n${CHUNKS}${HIDDEN}`, [400]],
  [
    "chunked that is not the last coding",
    `${SEARCH}Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKS}${HIDDEN}`,
    [400],
  ],
  ["identity beside a length", `${SEARCH}Transfer-Encoding: identity\r\n${LENGTH}\r\n${BODY}${HIDDEN}`, [400]],
  ["chunked twice", `${SEARCH}${CHUNKED}${CHUNKED}\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["gzip before chunked", `${SEARCH}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}`, [200, ALSO_LAST]],
  ["a tab before chunked", `${SEARCH}Transfer-Encoding:\tchunked\r\n\r\n${CHUNKS}`, [200, ALSO_LAST]],
  ["a space before the colon", `${SEARCH}Transfer-Encoding : chunked\r\n\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["a vertical tab before chunked", `${SEARCH}Transfer-Encoding: \x0bchunked\r\n\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["the same length twice", `${SEARCH}${LENGTH}${LENGTH}\r\n${BODY}`, [400]],
  ["two lengths", `${SEARCH}${LENGTH}Content-Length: 0\r\n\r\n${BODY}${HIDDEN}`, [400]],
  ["a list of lengths", `${SEARCH}Content-Length: 13, 13\r\n\r\n${BODY}`, [400]],
  ["a signed length", `${SEARCH}Content-Length: +13\r\n\r\n${BODY}${HIDDEN}`, [400]],
  ["a negative length", `${SEARCH}Content-Length: -1\r\n\r\n${BODY}${HIDDEN}`, [400]],
  ["a hexadecimal length", `${SEARCH}Content-Length: 0xd\r\n\r\n${BODY}${HIDDEN}`, [400]],
  ["a length of 23 digits", `${SEARCH}Content-Length: ${"9".repeat(23)}\r\n\r\n${BODY}${HIDDEN}`, [400]],
  ["an empty length", `${SEARCH}Content-Length: \r\n\r\n${BODY}`, [400]],
  ["a length in the middle of 2 100 headers", `${SEARCH}${FILLER}${LENGTH}\r\n${BODY}${HIDDEN}`, [400]],
  ["chunked behind 2 100 headers", `${SEARCH}${FILLER}${CHUNKED}\r\n${CHUNKS}${HIDDEN}`, [400]],
];

const CHUNK_CASES: readonly Case[] = [
  ["an extension", `d;a=b\r\n${BODY}\r\n0\r\n\r\n`, [200, ALSO_LAST]],
  ["an extension with a line feed", `d;a\nb\r\n${BODY}\r\n0\r\n\r\n${HIDDEN}`, [400]],
  ["an extension of 20 kB", `d;${"a".repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`, [400]],
  ["bare line feeds", `d\n${BODY}\n0\n\n${HIDDEN}`, [400]],
  ["a size beyond 64 bits", `fffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n${HIDDEN}`, [400]],
  ["a negative size", `-1\r\n${BODY}\r\n0\r\n\r\n${HIDDEN}`, [400]],
  ["a blank behind the size", `d \r\n${BODY}\r\n0\r\n\r\n`, [400]],
  ["data longer than its size", `d\r\n${BODY}XX0\r\n\r\n${HIDDEN}`, [400]],
  ["trailers that look like headers", `d\r\n${BODY}\r\n0\r\nAuthorization: Bearer x\r\nX: y\r\n\r\n`, [200, ALSO_LAST]],
  ["trailers of 30 kB", `d\r\n${BODY}\r\n0\r\nX: ${"y".repeat(30_000)}\r\n\r\n`, [400]],
];

const HEADERS: readonly Case[] = [
  ["a folded header", `GET /v1/connection HTTP/1.1\r\n${HOST}X: a\r\n b\r\n${KEY}\r\n`, [400]],
  ["a folded key", `GET /v1/connection HTTP/1.1\r\n${HOST}Authorization:\r\n Bearer ${api.key}\r\n\r\n`, [400]],
  ["bare line feeds", "GET /healthz HTTP/1.1\nHost: a\n\n", [400]],
  ["a bare line feed in a header", `GET /v1/connection HTTP/1.1\r\nHost: a\nX: b\r\n${KEY}\r\n`, [400]],
  ["a bare carriage return", `GET /v1/connection HTTP/1.1\r\nHost: a\rX: b\r\n${KEY}\r\n`, [400]],
  ["NUL", `GET /v1/connection HTTP/1.1\r\n${HOST}X: a\0b\r\n${KEY}\r\n`, [400]],
  ["a header without a colon", `GET /v1/connection HTTP/1.1\r\n${HOST}Foo\r\n${KEY}\r\n`, [400]],
  ["a header without a name", `GET /v1/connection HTTP/1.1\r\n${HOST}: x\r\n${KEY}\r\n`, [400]],
  ["two Hosts", `${WHO}Host: b\r\n\r\n`, [400, ALSO_LAST]],
  ["no Host", `GET /v1/connection HTTP/1.1\r\n${KEY}\r\n`, [400, ALSO_LAST]],
  ["two keys", `${WHO}Authorization: Bearer sk_bad\r\n\r\n`, [401, ALSO_LAST]],
  ["a second key behind 2 100 headers", `${WHO}${FILLER}Authorization: Bearer sk_bad\r\n\r\n`, [400]],
  ["the key behind 2 100 headers", `GET /v1/connection HTTP/1.1\r\n${HOST}${FILLER}${KEY}\r\n`, [400]],
  ["headers of 17 kB", `GET /healthz HTTP/1.1\r\n${HOST}X: ${"a".repeat(17_000)}\r\n\r\n`, [400]],
  ["2 500 headers", `GET /healthz HTTP/1.1\r\n${HOST}${"a0000: \r\n".repeat(2500)}\r\n`, [400]],
  ["Expect: 100-continue", `${SEARCH}${LENGTH}Expect: 100-continue\r\n\r\n${BODY}`, [100, 200, ALSO_LAST]],
  ["another expectation", `${SEARCH}${LENGTH}Expect: foo\r\n\r\n${BODY}`, [200, ALSO_LAST]],
];

const LINES: readonly Case[] = [
  [
    "an absolute address of another host",
    `GET http://evil.example/v1/connection HTTP/1.1\r\n${HOST}${KEY}\r\n`,
    [400, ALSO_LAST],
  ],
  ["the asterisk", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, [400, ALSO_LAST]],
  ["CONNECT", `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`, []],
  ["TRACE", `TRACE /healthz HTTP/1.1\r\n${HOST}X-Secret: 1\r\n\r\n`, [405, ALSO_LAST]],
  ["HTTP/0.9", "GET /healthz\r\n", [400]],
  ["HTTP/1.0 without Host", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [200, ALSO_LAST]],
  ["HTTP/1.0 with chunks", `${SEARCH.replace("HTTP/1.1", "HTTP/1.0")}${CHUNKED}\r\n${CHUNKS}${HIDDEN}`, [400]],
  ["HTTP/1.2", `GET /healthz HTTP/1.2\r\n${HOST}\r\n`, [400]],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]],
  ["an address of 17 kB", `GET /${"a".repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`, [400]],
  [
    "an upgrade to HTTP/2",
    `GET /healthz HTTP/1.1\r\n${HOST}Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    [200],
  ],
  ["an upgrade to a WebSocket", `${WHO}Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n`, [200]],
  [
    "an upgrade without a key",
    `GET /v1/connection HTTP/1.1\r\n${HOST}Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    [401],
  ],
];

/** A body that nobody asked for is no request. */
const BODIES: readonly Case[] = [
  ["on a GET", `${WHO}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, [200, ALSO_LAST]],
  [
    "on an unknown address",
    `POST /nope HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    [404, ALSO_LAST],
  ],
  [
    "on a call without a key",
    `${SEARCH.replace(KEY, "")}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
    [401, ALSO_LAST],
  ],
];

const UPLOADS: readonly Case[] = [
  [
    "a length beside chunked",
    `PUT ${upload} HTTP/1.1\r\n${HOST}Content-Length: 4\r\n${CHUNKED}\r\na\r\n0123456789\r\n0\r\n\r\n${HIDDEN}`,
    [400],
  ],
  ["an absolute address", `PUT http://x${upload} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`, [400, ALSO_LAST]],
  ["two slashes", `PUT /${upload} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`, [404, ALSO_LAST]],
  ["a step up", `PUT /v1/x/..${upload.slice(3)} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`, [401, ALSO_LAST]],
  ["two Hosts", `PUT ${upload} HTTP/1.1\r\n${HOST}Host: b\r\nContent-Length: 0\r\n\r\n`, [400, ALSO_LAST]],
  [
    "an encoded address",
    `PUT ${upload.replace("uploads", "%75ploads")} HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
    [401, ALSO_LAST],
  ],
];

const groups: readonly (readonly [group: string, cases: readonly Case[]])[] = [
  ["lengths", LENGTHS],
  [
    "chunks",
    CHUNK_CASES.map(([what, chunks, statuses]) => [what, `${SEARCH}${CHUNKED}\r\n${chunks}`, statuses] as const),
  ],
  ["headers", HEADERS],
  ["request lines", LINES],
  ["bodies", BODIES],
  ["upload URLs", UPLOADS],
];

for (const [group, cases] of groups)
  proves(
    ["ALL-5", "ALL-6"],
    `no second request hides in the first one's ${group}, and each gets its one plain answer`,
    async () => {
      for (const [what, bytes, statuses] of cases) {
        const { answers, fault } = await exchangeBytes(url, bytes + LAST);
        assert.equal(fault, null, what);
        assert.deepEqual(
          answers.map(({ status }) => status),
          statuses,
          what,
        );
        for (const answer of answers.filter(({ status }) => status >= 200))
          assert.deepEqual(judge.faultsOfAny(answer), [], what);
      }
    },
  );

proves(["PUT-8"], "none of that left a byte in the session", async () => {
  assert.equal(await api.receivedBytes(session.id), 0);
});
