import assert from "node:assert/strict";
import { assertStored, kept, put, resume, UNIT } from "../support/bytes.ts";
import { http } from "../support/http.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection, rawBytes, rawExchange } from "../support/raw.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api, url } = await openTarget();
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(2 * UNIT + 10);
const T = BYTES.length;

const GARBAGE: readonly string[] = [
  "bytes",
  "bytes ",
  "bytes */",
  "bytes /*",
  "bytes *",
  "bytes 0-9",
  "bytes a-b/c",
  "bytes 9-0/10",
  "bytes 0-9/5",
  "bytes 0-9/9",
  "bytes 0--1/0",
  "bytes -1-9/10",
  "bytes 0-9/-10",
  "bytes=0-9/10",
  "bytes: 0-9/10",
  "BYTES 0-9/10",
  "octets 0-9/10",
  "0-9/10",
  "bytes 0x0-0x9/10",
  "bytes 0-1e3/1e3",
  "bytes 0-9/10, bytes 10-19/20",
  "bytes 0-9,10-19/20",
  "bytes 0-9/10/10",
  "bytes 0 - 9 / 10",
  "bytes  0-9/10",
  "bytes 0-9/1_0",
  "bytes 0.0-9.0/10",
  "bytes +0-9/10",
  "bytes ٠-٩/١٠",
  "bytes *-9/10",
  "bytes */*/*",
  "bytes null",
  "bytes 0-9/*;q=1",
  "%00",
];
const HUGE: readonly string[] = [
  "bytes 0-9007199254740992/9007199254740993",
  "bytes 9007199254740993-9007199254740994/*",
  "bytes 0-9223372036854775807/9223372036854775808",
  "bytes 0-18446744073709551615/18446744073709551616",
  `bytes 0-${"9".repeat(30)}/*`,
  `bytes */${"9".repeat(4096)}`,
  `bytes ${"0".repeat(4096)}-9/10`,
];

for (const [id, list] of [
  ["X1", GARBAGE],
  ["X2", HUGE],
] as const)
  proves(
    ["PUT-16", id],
    `${list.length} malformed ranges are Google's 400, on data and on an empty body, and harm nothing`,
    async () => {
      const session = await api.create(T);
      await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
      for (const range of list)
        for (const body of ["", "0123456789"]) {
          const bytes = Buffer.from(range, "utf8").toString("latin1");
          const answer = await rawExchange(
            session.url,
            "PUT",
            [`Content-Range: ${bytes}`, `Content-Length: ${body.length}`],
            body,
          );
          assert.equal(answer?.status, 400, range.slice(0, 80));
          assert.equal(answer?.body, "Failed to parse Content-Range header.");
        }
      assert.equal(await kept(session.url), UNIT);
      await resume(session.url, BYTES);
      await assertStored(api, session, BYTES);
    },
  );

proves(["PUT-16", "X1"], "500 random ranges are never a 5xx but 503, and never a success", async () => {
  const session = await api.create(T);
  const alphabet = "bytes 0123456789-/*,= ";
  const pieces = ["bytes ", "0", "1", "-", "/", "*", "262143", "262144", String(T), String(T - 1), " ", "9".repeat(16)];
  const ranges = Array.from({ length: 500 }, (_, index) =>
    Array.from({ length: random.integer(1, 8) }, () =>
      index % 2 === 0
        ? (pieces[random.integer(0, pieces.length - 1)] ?? "")
        : alphabet.charAt(random.integer(0, alphabet.length - 1)),
    ).join(""),
  );
  const connection = await RawConnection.open(session.url);
  for (const range of ranges) {
    await connection.writeHead("PUT", session.url, [`Content-Range: ${range}`, "Content-Length: 0"]);
    const answer = await connection.readAnswer();
    assert.ok(answer !== null && [308, 400, 503].includes(answer.status), `${range}: ${answer?.status}`);
    if (answer.status === 308) assert.equal(answer.headers["range"], undefined);
  }
  connection.destroy();
  await resume(session.url, BYTES);
});

proves(["PUT-16", "X3"], "two Content-Range headers are 400, equal or not", async () => {
  const session = await api.create(T);
  for (const second of [`bytes 0-${T - 1}/${T}`, "bytes */*"]) {
    const headers = [`Content-Range: bytes 0-${T - 1}/${T}`, `Content-Range: ${second}`, `Content-Length: ${T}`];
    assert.equal((await rawExchange(session.url, "PUT", headers, BYTES))?.status, 400);
  }
  assert.equal(await kept(session.url), 0);
});

proves(["X4", "A26"], "100 kB of headers are refused, and the service lives", async () => {
  const session = await api.create(T);
  for (const headers of [
    [`X-Big: ${"x".repeat(100_000)}`],
    Array.from({ length: 5000 }, (_, i) => `X-${i}: 0123456789`),
  ]) {
    const answer = await rawExchange(session.url, "PUT", ["Content-Length: 0", ...headers]);
    assert.ok(answer === null || [400, 413, 431].includes(answer.status), String(answer?.status));
  }
  assert.equal((await http(`${url}/healthz`)).status, 200);
  await resume(session.url, BYTES);
});

const FRAMING: readonly (readonly [id: "X5" | "X6", what: string, head: string])[] = [
  ["X5", "a negative Content-Length", "Content-Length: -1"],
  ["X5", "a Content-Length that is no number", "Content-Length: 10abc"],
  ["X5", "a signed Content-Length", "Content-Length: +10"],
  ["X5", "a hexadecimal Content-Length", "Content-Length: 0x10"],
  ["X5", "a huge Content-Length", "Content-Length: 99999999999999999999999"],
  ["X5", "two different Content-Lengths", "Content-Length: 10\r\nContent-Length: 20"],
  ["X5", "two equal Content-Lengths", "Content-Length: 10\r\nContent-Length: 10"],
  ["X5", "a list in Content-Length", "Content-Length: 10, 10"],
  ["X6", "Content-Length beside Transfer-Encoding", "Content-Length: 10\r\nTransfer-Encoding: chunked"],
  ["X6", "an unknown Transfer-Encoding", "Transfer-Encoding: gurgle"],
  ["X6", "chunked, identity", "Transfer-Encoding: chunked, identity"],
  ["X6", "chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  ["X6", "a space before the colon", "Transfer-Encoding : chunked"],
  ["X6", "a folded header", "Transfer-Encoding:\r\n chunked"],
];
for (const [id, what, head] of FRAMING)
  proves([id, "PUT-8"], `${what} is refused, and the session is as it was`, async () => {
    const session = await api.create(T);
    await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
    const { host, pathname } = new URL(session.url);
    const range = `Content-Range: bytes ${UNIT}-${T - 1}/${T}`;
    const answer = await rawBytes(
      session.url,
      `PUT ${pathname} HTTP/1.1\r\nHost: ${host}\r\n${range}\r\n${head}\r\n\r\n0123456789`,
    );
    assert.ok(answer === null || [400, 413, 501].includes(answer.status), String(answer?.status));
    assert.equal(await kept(session.url), UNIT);
    await resume(session.url, BYTES);
  });

const CHUNK_FAULTS: readonly (readonly [what: string, body: string])[] = [
  ["a chunk size that is no number", "zz\r\nabc\r\n0\r\n\r\n"],
  ["a negative chunk size", "-5\r\nabcde\r\n0\r\n\r\n"],
  ["a chunk longer than it says", "3\r\nabcdef\r\n0\r\n\r\n"],
  ["a chunk size beyond 2^64", `${"f".repeat(20)}\r\nabc\r\n`],
  ["an endless chunk size line", `${"0".repeat(70_000)}3\r\nabc\r\n0\r\n\r\n`],
];
for (const [what, body] of CHUNK_FAULTS)
  proves(["X6", "A6"], `${what} in a chunked body is never a success`, async () => {
    const session = await api.create(T);
    const answer = await rawExchange(
      session.url,
      "PUT",
      ["Transfer-Encoding: chunked", "Content-Range: bytes 0-*/*"],
      body,
    );
    assert.ok(answer === null || [400, 413].includes(answer.status), String(answer?.status));
    assert.equal(await kept(session.url), 0);
    await resume(session.url, BYTES);
  });

proves(["X7", "S5"], "other methods are refused, return no bytes and change nothing", async () => {
  const session = await api.create(T);
  await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
  for (const method of ["GET", "HEAD", "PATCH", "TRACE", "PROPFIND", "SEARCH", "LOCK"]) {
    const answer = await rawExchange(session.url, method, ["Content-Length: 0"]);
    const status = answer?.status ?? 0;
    assert.ok((status >= 400 && status < 500) || status === 501, `${method}: ${status}`);
    if (status === 405) assert.match(answer?.headers["allow"] ?? "", /PUT/);
  }
  const unknown = await rawBytes(session.url, `BREW ${new URL(session.url).pathname} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.ok(unknown === null || unknown.status >= 400);
  await resume(session.url, BYTES);
  for (const method of ["GET", "HEAD"]) {
    const complete = await http(session.url, { method });
    assert.equal(complete.status, 405);
    assert.ok(!complete.body.includes(BYTES.subarray(0, 100)));
  }
});

proves(["PUT-13", "A21", "L12"], "a tampered URL is the same 404 whatever was changed", async () => {
  const session = await api.create(T);
  const other = await api.create(T);
  const [secret, otherSecret] = [session.url.split("/").at(-1) ?? "", other.url.split("/").at(-1) ?? ""];
  const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const tampered = [
    session.url.replace(secret, flip(secret, 0)),
    session.url.replace(secret, flip(secret, secret.length - 2)),
    session.url.replace(secret, otherSecret),
    session.url.replace(secret, secret.slice(1)),
    session.url.replace(secret, `${secret}=`),
    session.url.replace(secret, secret.toUpperCase()),
    session.url.replace(secret, ""),
    session.url.replace(session.id, "sess_00000000000000000000000000"),
    session.url.replace(session.id, session.id.toUpperCase()),
    session.url.replace(session.id, other.id),
    `${session.url}/`,
    `${session.url}/x`,
  ];
  const bodies = new Set<string>();
  for (const each of tampered)
    for (const method of ["PUT", "POST", "DELETE"]) {
      const answer = await put(each, "*/*", Buffer.alloc(0), {}, method);
      assert.equal(answer.status, 404, `${method} ${each}`);
      bodies.add(answer.text);
    }
  assert.equal(bodies.size, 1);
  await resume(session.url, BYTES);
});

proves(["A22"], "odd paths are a 4xx, never a 500", async () => {
  const session = await api.create(T);
  const { origin, pathname } = new URL(session.url);
  const odd = [
    "//",
    "/..",
    "/%2e%2e",
    "/%00",
    "/%E0%A4%A",
    "/%",
    "?a=%",
    "%0d%0aX: y",
    `/${"a".repeat(8000)}`,
    ";x=1",
    "/\u00e9".normalize(),
  ];
  for (const tail of odd) {
    const path = Buffer.from(`${pathname}${tail}`, "utf8").toString("latin1");
    const answer = await rawBytes(
      origin,
      `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    const status = answer?.status ?? 0;
    assert.ok(
      status === 308 || status === 200 || (status >= 400 && status < 500) || answer === null,
      `${tail}: ${status}`,
    );
  }
  for (const path of ["/v1/uploads/", "/v1/uploads//", "/v1/uploads/x", "/v1/uploads/x/y/z", "/v1/uploads/%E0%A4%A/x"])
    assert.equal((await http(`${url}${path}`, { method: "PUT" })).status, 404, path);
  await resume(session.url, BYTES);
});

proves(["A23", "PUT-13"], "every refusal says in words what is wrong", async () => {
  const session = await api.create(T);
  const answers = [
    await put(session.url, "x"),
    await put(`${session.url}x`, null),
    await put(session.url, null, BYTES.subarray(1)),
    await put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT)),
    await put(session.url, null, BYTES, { "Content-Encoding": "gzip" }),
    await put(session.url, null, undefined, {}, "GET"),
  ];
  for (const answer of answers) {
    assert.match(answer.headers["content-type"] ?? "", /^text\/plain/);
    assert.ok(answer.text.length >= 9, `${answer.status} has no text`);
    assert.ok(!/at \/|node:|SELECT|stack/.test(answer.text));
  }
});
