import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES, SESSIONS } from "../support/api.ts";
import { http } from "../support/http.ts";
import { at, listAt, objectAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { RawConnection, rawBytes, rawExchange } from "../support/raw.ts";
import { openTarget } from "../support/target.ts";

const { api, url, server } = await openTarget();
const SLUG = `bad-${randomUUID().slice(0, 8)}`;
const START = `{"filename":"a.txt","size_bytes":3,"bucket":"${SLUG}","create_missing_buckets":true`;

/** What a create must not leave behind: neither bucket, nor file. */
async function assertNothingMade(): Promise<void> {
  const slugs = listAt((await api.get("/v1/knowledge/buckets")).json, "buckets").map((bucket) =>
    textAt(bucket, "slug"),
  );
  assert.ok(!slugs.includes(SLUG), "a refused create left its bucket");
  assert.deepEqual(listAt((await api.get(`${FILES}?bucket=${SLUG}`)).json, "files"), []);
}

const BODIES: readonly (readonly [what: string, body: string | Uint8Array, status: number, code: string])[] = [
  ["NUL in a filename", `${START},"filename":"a\\u0000b"}`, 400, "invalid_filename"],
  ["NUL in a title", `${START},"title":"a\\u0000b"}`, 400, "invalid_request"],
  ["NUL in metadata", `${START},"metadata":{"a":"\\u0000"}}`, 400, "invalid_request"],
  ["NUL in a metadata key", `${START},"metadata":{"\\u0000":1}}`, 400, "invalid_request"],
  ["NUL in an unknown field", `${START},"unknown":"\\u0000"}`, 400, "invalid_request"],
  ["a lone surrogate in a filename", `${START},"filename":"a\\ud800b"}`, 400, "invalid_filename"],
  ["a lone surrogate in a tag", `${START},"tags":["\\udfff"]}`, 400, "invalid_request"],
  ["a lone surrogate in metadata", `${START},"metadata":{"a":["\\ud800"]}}`, 400, "invalid_request"],
  ["a lone surrogate in a metadata key", `${START},"metadata":{"\\ud800":1}}`, 400, "invalid_request"],
  [
    "metadata 4 000 levels deep",
    `${START},"metadata":{"a":${"[".repeat(4000)}${"]".repeat(4000)}}}`,
    400,
    "invalid_request",
  ],
  ["metadata 33 levels deep", `${START},"metadata":{"a":${"[".repeat(31)}${"]".repeat(31)}}}`, 400, "invalid_request"],
  [
    "an unknown field 4 000 levels deep",
    `${START},"u":${'{"a":'.repeat(4000)}1${"}".repeat(4000)}}`,
    400,
    "invalid_request",
  ],
  ["__proto__ in metadata", `${START},"metadata":{"__proto__":{"polluted":1}}}`, 400, "invalid_request"],
  ["__proto__ at the top", `${START},"__proto__":{"bucket":"x"}}`, 400, "invalid_request"],
  ["size_bytes 1e400", `${START},"size_bytes":1e400}`, 400, "invalid_request"],
  ["size_bytes 9007199254740993", `${START},"size_bytes":9007199254740993}`, 400, "invalid_request"],
  ["1e400 in metadata", `${START},"metadata":{"a":1e400}}`, 400, "invalid_request"],
  ["-1e400 in a list", `${START},"metadata":{"a":[-1e400]}}`, 400, "invalid_request"],
  ["an integer beyond 2^53 in metadata", `${START},"metadata":{"id":9007199254740993}}`, 400, "invalid_request"],
  ["20 digits in metadata", `${START},"metadata":{"id":12345678901234567890}}`, 400, "invalid_request"],
  ["an integer beyond 2^53 in an unknown field", `${START},"u":-9007199254740993}`, 400, "invalid_request"],
  ["a filename that is an integer beyond 2^53", `${START},"filename":9007199254740993}`, 400, "invalid_request"],
  ["a filename with a member __proto__", `${START},"filename":{"__proto__":1}}`, 400, "invalid_request"],
  ["CR and LF in a filename", `${START},"filename":"a\\r\\nX: y"}`, 400, "invalid_filename"],
  ["a body cut in the middle", `${START},"title":"a`, 400, "invalid_request"],
  ["no JSON", "filename=a.txt", 400, "invalid_request"],
  ["a list", "[]", 400, "invalid_request"],
  ["null", "null", 400, "invalid_request"],
  ["a number", "5", 400, "invalid_request"],
  ["an empty body", "", 400, "invalid_request"],
  [
    "bytes that are no UTF-8",
    Buffer.concat([Buffer.from(`${START},"title":"`), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}')]),
    400,
    "invalid_request",
  ],
  ["UTF-16", Buffer.from(`${START}}`, "utf16le"), 400, "invalid_request"],
  [
    "overlong UTF-8",
    Buffer.concat([Buffer.from(`${START},"title":"`), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]),
    400,
    "invalid_request",
  ],
  ["65 KiB", `${START},"title":"${"x".repeat(66_000)}"}`, 413, "request_too_large"],
  ["a NaN", `${START},"size_bytes":NaN}`, 400, "invalid_request"],
];
for (const [what, rawBody, status, code] of BODIES)
  proves(["ALL-9", "ALL-5"], `${what} is ${status} ${code}, and makes nothing`, async () => {
    const answer = await api.call("POST", SESSIONS, { rawBody });
    assert.equal(answer.status, status, shown(answer.json));
    assert.equal(textAt(answer.json, "error", "code"), code);
    assert.equal(at(answer.json, "error", "retryable"), false);
    objectAt(answer.json, "error", "details");
    await assertNothingMade();
  });

const GOOD: readonly (readonly [what: string, body: string])[] = [
  ["32 levels", `${START},"metadata":{"a":${"[".repeat(30)}${"]".repeat(30)}}}`],
  ["the largest safe integer", `${START},"metadata":{"a":9007199254740991,"b":-9007199254740991}}`],
  ["25e0 as an integer", `${START},"size_bytes":25e0}`],
  ["a duplicate key, of which the last wins", `${START},"size_bytes":0,"size_bytes":3}`],
  [
    "constructor and prototype as metadata",
    `${START},"metadata":{"constructor":{"prototype":{"x":1}},"toString":1,"hasOwnProperty":2}}`,
  ],
  ["escaped and raw characters of every plane", `${START},"title":"\\ud83d\\ude00 😀 \\u2028 \\ufeff \\ufffe"}`],
];
for (const [what, rawBody] of GOOD)
  proves(["ALL-9"], `${what} is fine`, async () => {
    const answer = await api.call("POST", SESSIONS, { rawBody: rawBody.replace(SLUG, `fine-${SLUG}`) });
    assert.equal(answer.status, 201, shown(answer.json));
  });

proves(["ALL-9"], "a body of another type, or none, is 415", async () => {
  const cases = [
    { "Content-Type": "text/plain" },
    { "Content-Type": "application/x-www-form-urlencoded" },
    { "Content-Type": ";;" },
    { "Content-Type": "application/jsonx" },
  ];
  for (const headers of cases) {
    const answer = await api.call("POST", SESSIONS, { rawBody: `${START}}`, headers });
    assert.equal(answer.status, 415, shown(headers));
    assert.equal(textAt(answer.json, "error", "code"), "unsupported_content_type");
  }
  const none = await http(`${url}${SESSIONS}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${api.key}` },
    body: `${START}}`,
  });
  assert.equal(none.status, 415);
  for (const type of ["application/json;charset=utf-8", "Application/JSON"])
    assert.equal(
      (await api.call("POST", SESSIONS, { rawBody: "{}", headers: { "Content-Type": type } })).status,
      400,
      type,
    );
  await assertNothingMade();
});

proves(
  ["ALL-9"],
  "a body of unknown length that is too large is 413 for a client that writes all of it before it reads",
  async () => {
    const connection = await RawConnection.open(url);
    connection.pauseReading();
    const head = [`Authorization: Bearer ${api.key}`, "Content-Type: application/json", "Transfer-Encoding: chunked"];
    await connection.writeHead("POST", `${url}${SESSIONS}`, head);
    // More than both kernels' buffers hold.
    const piece = Buffer.from(`10000\r\n${" ".repeat(65_536)}\r\n`);
    for (let pieces = 0; pieces < 256; pieces++) assert.ok(await connection.write(piece), "the connection was reset");
    await connection.write("0\r\n\r\n");
    connection.resumeReading();
    assert.equal((await connection.readAnswer())?.status, 413);
    connection.destroy();
    await assertNothingMade();
  },
);

proves(["ALL-9"], "a body that never ends is given up, and what it began is not there", async () => {
  const head = [`Authorization: Bearer ${api.key}`, "Content-Type: application/json", "Content-Length: 1000"];
  const answer = await rawExchange(`${url}${SESSIONS}`, "POST", head, `${START}`, 40_000);
  assert.ok(answer === null || (answer.status >= 400 && answer.status < 500), String(answer?.status));
  await assertNothingMade();
});

proves(["ALL-5"], "malformed percent-encoding is 400 in our shape, in paths and in queries", async () => {
  for (const path of [
    `${FILES}/%E0%A4%A`,
    `${FILES}/%`,
    `${FILES}/%zz`,
    `${FILES}?tag=a%00`,
    `${FILES}/%c3%28`,
    `${FILES}?cursor=%E0%A4%A`,
    `${FILES}?tag=%`,
    `${FILES}?%ff=1`,
  ]) {
    const answer = await api.get(path);
    assert.equal(answer.status, 400, `${path}: ${shown(answer.json)}`);
    assert.equal(textAt(answer.json, "error", "code"), "invalid_request", path);
    textAt(answer.json, "request_id");
  }
});

proves(["ALL-6"], "an id with a NUL in it is the same 404 as any other that is not there", async () => {
  for (const [folder, absent, hidden] of [
    [FILES, "file_none", "%00"],
    [FILES, "file_none", "file_a%00b"],
    [SESSIONS, "sess_none", "%00"],
    ["/knowledge/tasks", "task_none", "task_%00"],
  ] as const) {
    const [expected, got] = [await api.get(`${folder}/${absent}`), await api.get(`${folder}/${hidden}`)];
    assert.equal(got.status, 404, hidden);
    assert.deepEqual(objectAt(got.json, "error"), objectAt(expected.json, "error"), hidden);
  }
});

const REQUESTS: readonly (readonly [what: string, bytes: string, statuses: readonly number[]])[] = [
  ["two Host headers", `GET ${FILES} HTTP/1.1\r\nHost: a\r\nHost: b\r\n`, [400]],
  ["two equal Host headers", `GET ${FILES} HTTP/1.1\r\nHost: a\r\nHost: a\r\n`, [400]],
  ["no Host", `GET ${FILES} HTTP/1.1\r\n`, [400]],
  ["an absolute-form URL", `GET http://evil.example${FILES} HTTP/1.1\r\nHost: evil.example\r\n`, [400, 404]],
  ["an absolute-form URL of https", `GET https://evil.example${FILES} HTTP/1.1\r\nHost: a\r\n`, [400, 404]],
  ["the asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n", [204, 400, 401, 404, 405]],
  ["CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n", [400, 404, 405]],
  ["a lower-case method", `get ${FILES} HTTP/1.1\r\nHost: a\r\n`, [400]],
  ["a bare LF", `GET ${FILES} HTTP/1.1\nHost: a\n`, [400]],
  ["NUL in a header", `GET ${FILES} HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n`, [400]],
  [
    "Transfer-Encoding on HTTP/1.0",
    `POST ${SESSIONS} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n`,
    [400, 401],
  ],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n", [400, 505]],
  ["HTTP/3.7", `GET ${FILES} HTTP/3.7\r\nHost: a\r\n`, [400, 505]],
];
for (const [what, bytes, statuses] of REQUESTS)
  proves(["ALL-5"], `${what} is refused, with no key read and nothing followed`, async () => {
    const end = bytes.includes("HTTP/1.1\n") ? "\n" : "\r\n";
    const key = `Authorization: Bearer ${api.key}`;
    const answer = await rawBytes(
      url,
      `${bytes}${what.includes("preface") ? "" : `Connection: close${end}${what === "no Host" || what.includes("absolute") ? `${key}${end}` : ""}`}${end}`,
    );
    assert.ok(answer === null || statuses.includes(answer.status), `${answer?.status}: ${answer?.body.slice(0, 200)}`);
  });

proves(["ALL-3"], "upload_url never comes from the Host or a Forwarded header", async () => {
  const body = JSON.stringify(api.createBody(3));
  const headers = [
    "X-Forwarded-Host: evil.example",
    "Forwarded: host=evil.example;proto=https",
    "X-Forwarded-Proto: https",
  ];
  const target = new URL(url);
  const sent = [
    `POST ${SESSIONS} HTTP/1.1`,
    "Host: evil.example",
    `Authorization: Bearer ${api.key}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Connection: close",
    ...headers,
  ];
  const answer = await rawBytes(url, `${sent.join("\r\n")}\r\n\r\n${body}`);
  assert.equal(answer?.status, 201);
  const uploadUrl = textAt(JSON.parse(answer?.body ?? ""), "upload_url");
  assert.ok(uploadUrl.startsWith(target.origin), uploadUrl);
});

proves(
  ["ALL-5"],
  "an unknown address is 404, a known one with another method 405 with Allow; 401 comes before both",
  async () => {
    for (const path of ["/v1/nothing", "/v1/knowledge", "/v1/knowledge/files/", "/v1//connection"]) {
      const answer = await api.get(path);
      assert.equal(answer.status, 404, path);
      assert.equal(
        textAt(answer.json, "error", "code"),
        path.endsWith("files/") ? textAt(answer.json, "error", "code") : "not_found",
      );
      assert.equal((await http(`${url}${path}`)).status, 401, path);
    }
    for (const [method, path] of [
      ["PUT", FILES],
      ["DELETE", FILES],
      ["GET", "/v1/knowledge/search"],
      ["PATCH", SESSIONS],
      ["POST", "/v1/connection"],
    ] as const) {
      const answer = await api.call(method, path);
      assert.equal(answer.status, 405, `${method} ${path}: ${shown(answer.json)}`);
      assert.equal(textAt(answer.json, "error", "code"), "method_not_allowed");
      assert.ok((answer.headers["allow"] ?? "").length > 0);
      assert.equal((await http(`${url}${path}`, { method })).status, 401);
    }
  },
);

proves(["ALL-4", "ALL-5"], "every refusal carries its request id and no trace of our code", async () => {
  const answers = [
    await api.get("/v1/nothing"),
    await api.createRaw({}),
    await api.get(`${FILES}/x`),
    await http(`${url}${FILES}`),
    await api.search({}),
  ];
  for (const answer of answers) {
    assert.equal(textAt(answer.json, "request_id"), answer.headers["x-request-id"]);
    assert.ok(!/node_modules|\.ts:|at \/|SELECT |sqlite/i.test(answer.text), answer.text);
  }
});

proves(
  ["ALL-3", "ALL-5"],
  "none of that was logged as an error of ours, and no key or upload URL is in the log",
  async () => {
    const { url: uploadUrl } = await api.create(3);
    await http(uploadUrl, { method: "PUT", body: "abc" });
    const log = server?.log ?? "";
    const errors = log.split("\n").filter((line) => /"level":"(error|fatal)"/.test(line));
    assert.deepEqual(errors, []);
    assert.ok(!log.includes(api.key) && !log.includes(uploadUrl.split("/").at(-1) ?? "-"));
    // The service is what it was.
    assert.equal((await api.get("/v1/connection")).status, 200);
    assert.equal(Reflect.get({}, "polluted"), undefined);
  },
  { skip: server === null ? "needs the log of a server of its own" : false },
);
