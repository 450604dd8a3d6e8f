import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import { Api, FILES } from "../support/api.ts";
import { assertResource, assertStored, kept, keptOf, probe, put, resume, UNIT } from "../support/bytes.ts";
import { crc32cBase64, md5Base64 } from "../support/digests.ts";
import { listAt, numberAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { RawConnection, rawExchange } from "../support/raw.ts";
import { CONFIG, NEEDS_OWN_SERVER, openTarget } from "../support/target.ts";

const { api, server } = await openTarget();
const random = seededRandom(CONFIG.seed);
const SMALL = random.bytes(1000);
const LARGE = random.bytes(3 * UNIT + 77);
const N = SMALL.length;
const CHUNKED: OutgoingHttpHeaders = { "Transfer-Encoding": "chunked" };

interface Form {
  readonly what: string;
  readonly range: string | null;
  readonly headers?: OutgoingHttpHeaders;
  readonly method?: string;
}

const FORMS: readonly (readonly [ids: Parameters<typeof proves>[0], form: Form])[] = [
  [["PUT-1", "P1"], { what: "bytes 0-(T-1)/T", range: `0-${N - 1}/${N}` }],
  [["PUT-1", "P2"], { what: "no Content-Range", range: null }],
  [["P5"], { what: "no Content-Type", range: null }],
  [
    ["P6"],
    { what: "curl's form Content-Type", range: null, headers: { "Content-Type": "application/x-www-form-urlencoded" } },
  ],
  [["P7"], { what: "a JSON Content-Type", range: `0-${N - 1}/${N}`, headers: { "Content-Type": "application/json" } }],
  [
    ["P8"],
    { what: "a multipart Content-Type", range: null, headers: { "Content-Type": "multipart/form-data; boundary=x" } },
  ],
  [["P5"], { what: "a malformed Content-Type", range: null, headers: { "Content-Type": ";;;" } }],
  [["PUT-4", "P15"], { what: "chunked with bytes a-b/T", range: `0-${N - 1}/${N}`, headers: CHUNKED }],
  [["PUT-4", "P16"], { what: "chunked without a range", range: null, headers: CHUNKED }],
  [["PUT-4", "P17"], { what: "chunked with bytes 0-*/*", range: "0-*/*", headers: CHUNKED }],
  [["PUT-4", "P18"], { what: "chunked with bytes 0-*/T", range: `0-*/${N}`, headers: CHUNKED }],
  [["PUT-4", "P20"], { what: "bytes 0-*/T with Content-Length", range: `0-*/${N}` }],
  [["PUT-4"], { what: "bytes 0-*/* with Content-Length", range: "0-*/*" }],
  [["K15"], { what: "POST", range: `0-${N - 1}/${N}`, method: "POST" }],
  [
    ["S4"],
    {
      what: "a foreign Authorization and client-library headers",
      range: null,
      headers: { Authorization: "Bearer ya29.x", "x-goog-api-client": "gl-node/24", "x-goog-user-project": "p" },
    },
  ],
  [["P25"], { what: "Content-Encoding: identity", range: null, headers: { "Content-Encoding": "identity" } }],
];

for (const [ids, { what, range, headers = {}, method = "PUT" }] of FORMS)
  proves(ids, `the whole body with ${what}: 200, the resource, and exactly these bytes`, async () => {
    const session = await api.create(N);
    const answer = await put(session.url, range, SMALL, headers, method);
    assertResource(answer, SMALL);
    await assertStored(api, session, SMALL);
  });

proves(["PUT-1", "P3", "P4"], "the 200 is Google's object resource, with its headers", async () => {
  const session = await api.create(LARGE.length, { content_type: "application/pdf", filename: "a.pdf" });
  const { headers, json } = await put(session.url, null, LARGE, { "Content-Type": "text/html" });
  assert.equal(headers["content-type"], "application/json; charset=UTF-8");
  assert.equal(textAt(json, "size"), String(LARGE.length));
  assert.equal(textAt(json, "md5Hash"), md5Base64(LARGE));
  assert.equal(textAt(json, "crc32c"), crc32cBase64(LARGE));
  assert.equal(textAt(json, "contentType"), "application/pdf", "the type is the one fixed at creation");
  assert.equal(textAt(json, "kind"), "storage#object");
  assert.equal(textAt(json, "metageneration"), "1");
  assert.match(textAt(json, "generation"), /^\d+$/);
  for (const member of ["bucket", "etag", "id", "mediaLink", "name", "selfLink", "storageClass"]) textAt(json, member);
  for (const time of ["timeCreated", "timeFinalized", "timeStorageClassUpdated", "updated"])
    assert.ok(!Number.isNaN(Date.parse(textAt(json, time))));
  assert.equal(headers["cache-control"], "no-cache, no-store, max-age=0, must-revalidate");
  assert.equal(headers["pragma"], "no-cache");
  assert.match(headers["expires"] ?? "", /^Mon, 01 Jan 1990/);
  assert.match(headers["vary"] ?? "", /Origin/);
  assert.ok(headers["etag"] !== undefined && headers["x-request-id"] !== undefined);
});

proves(["P9", "P10", "P28"], "an empty file is refused at creation, so no empty object can exist", async () => {
  const answer = await api.createRaw(api.createBody(0));
  assert.equal(textAt(answer.json, "error", "code"), "invalid_size");
  const session = await api.create(N);
  assert.equal(keptOf(await put(session.url, "*/0")), 0);
  for (const [range, body] of [
    ["0-*/*", Buffer.alloc(0)],
    [null, Buffer.alloc(0)],
  ] as const)
    assert.equal((await put(session.url, range, body)).status, 400);
  assert.equal(await kept(session.url), 0);
  await resume(session.url, SMALL);
});

proves(["P11"], "a file of one byte", async () => {
  const one = Buffer.from("x");
  const session = await api.create(1);
  assertResource(await put(session.url, "0-0/1", one), one);
  await assertStored(api, session, one);
});

proves(["P12", "S6"], "files of 25 000 000 bytes and of exactly 25 MiB", async () => {
  for (const size of [25_000_000, 26_214_400]) {
    const bytes = seededRandom(size).bytes(size);
    const session = await api.create(size);
    assertResource(await put(session.url, `0-${size - 1}/${size}`, bytes), bytes);
    await assertStored(api, session, bytes);
  }
});

proves(["PUT-17", "P13"], "Expect: 100-continue gets 100 Continue, then the answer", async () => {
  for (const headers of [[`Content-Length: ${N}`], ["Transfer-Encoding: chunked"]]) {
    const session = await api.create(N);
    const connection = await RawConnection.open(session.url);
    await connection.writeHead("PUT", session.url, ["Expect: 100-continue", ...headers]);
    assert.equal((await connection.readAnswer())?.status, 100);
    const body = headers[0]?.startsWith("T")
      ? Buffer.concat([Buffer.from("3e8\r\n"), SMALL, Buffer.from("\r\n0\r\n\r\n")])
      : SMALL;
    await connection.write(body);
    assert.equal((await connection.readAnswer())?.status, 200);
    connection.destroy();
    await assertStored(api, session, SMALL);
  }
});

proves(
  ["PUT-17", "P14"],
  "Expect: 100-continue gets the final answer without 100 when the PUT would be refused",
  async () => {
    const cancelled = await api.create(N);
    await put(cancelled.url, null, undefined, {}, "DELETE");
    const live = await api.create(N);
    const cases: readonly (readonly [what: string, url: string, status: number, headers: readonly string[]])[] = [
      ["an unknown URL", `${live.url.slice(0, -4)}AAAA`, 404, []],
      ["a cancelled session", cancelled.url, 499, []],
      ["a malformed range", live.url, 400, ["Content-Range: bytes 9-0/9"]],
      ["a wrong total", live.url, 400, [`Content-Range: bytes 0-${N - 1}/${N + 1}`]],
      ["an offset beyond what is kept", live.url, 503, [`Content-Range: bytes 500-${N - 1}/${N}`]],
    ];
    for (const [what, url, status, headers] of cases) {
      const connection = await RawConnection.open(url);
      const length = what.includes("beyond") ? N - 500 : N;
      await connection.writeHead("PUT", url, ["Expect: 100-continue", `Content-Length: ${length}`, ...headers]);
      assert.equal((await connection.readAnswer())?.status, status, what);
      connection.destroy();
    }
    assertResource(await put(live.url, null, SMALL), SMALL);
  },
);

proves(["PUT-4", "P19"], "bytes K-*/* and K-*/T go on where an upload stopped, chunked", async () => {
  for (const total of ["*", String(LARGE.length)]) {
    const session = await api.create(LARGE.length);
    assert.equal(keptOf(await put(session.url, `0-${UNIT - 1}/*`, LARGE.subarray(0, UNIT))), UNIT);
    assertResource(await put(session.url, `${UNIT}-*/${total}`, LARGE.subarray(UNIT), CHUNKED), LARGE);
    await assertStored(api, session, LARGE);
  }
});

const digests = `crc32c=${crc32cBase64(LARGE)},md5=${md5Base64(LARGE)}`;
const RIGHT: readonly (readonly [what: string, headers: OutgoingHttpHeaders])[] = [
  ["both in one X-Goog-Hash", { "X-Goog-Hash": digests }],
  ["crc32c alone", { "X-Goog-Hash": `crc32c=${crc32cBase64(LARGE)}` }],
  ["two X-Goog-Hash headers", { "X-Goog-Hash": digests.split(",") }],
];
for (const [what, headers] of RIGHT)
  proves(["P21"], `a right digest on the last request is 200: ${what}`, async () => {
    const session = await api.create(LARGE.length);
    await put(session.url, `0-${UNIT - 1}/*`, LARGE.subarray(0, UNIT));
    const rest = LARGE.subarray(UNIT);
    assertResource(await put(session.url, `${UNIT}-${LARGE.length - 1}/${LARGE.length}`, rest, headers), LARGE);
  });

const WRONG: readonly (readonly [what: string, headers: OutgoingHttpHeaders, text: RegExp])[] = [
  [
    "crc32c",
    { "X-Goog-Hash": "crc32c=AAAAAA==" },
    /^Provided CRC32C "AAAAAA==" doesn't match calculated CRC32C "[A-Za-z0-9+/]{6}=="\.$/,
  ],
  [
    "md5",
    { "X-Goog-Hash": "md5=AAAAAAAAAAAAAAAAAAAAAA==" },
    /^Provided MD5 hash "AAAAAAAAAAAAAAAAAAAAAA==" doesn't match calculated MD5 hash "[A-Za-z0-9+/]{22}=="\.$/,
  ],
  [
    "md5 beside a right crc32c",
    { "X-Goog-Hash": `crc32c=${crc32cBase64(LARGE)},md5=AAAAAAAAAAAAAAAAAAAAAA==` },
    /^Provided MD5 hash/,
  ],
  ["md5 that is no base64", { "X-Goog-Hash": "md5=!!" }, /is not a base64-encoded 128-bit MD5 hash\.$/],
  ["Content-MD5", { "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA==" }, /MD5/],
];
for (const [what, headers, text] of WRONG)
  proves(["PUT-11", "P22", "P23"], `a wrong ${what} is 400 and no object; sending again from 0 works`, async () => {
    const session = await api.create(LARGE.length);
    await put(session.url, `0-${UNIT - 1}/*`, LARGE.subarray(0, UNIT));
    const range = `${UNIT}-${LARGE.length - 1}/${LARGE.length}`;
    const refused = await put(session.url, range, LARGE.subarray(UNIT), headers);
    assert.equal(refused.status, 400);
    assert.equal(numberAt(refused.json, "error", "code"), 400);
    assert.match(textAt(refused.json, "error", "message"), text);
    assert.equal(textAt(refused.json, "error", "errors", 0, "domain"), "global");
    assert.equal(textAt(refused.json, "error", "errors", 0, "reason"), "invalid");
    assert.equal(await kept(session.url), 0, "the kept bytes were not dropped");
    assert.equal(textAt((await api.finalize(session.id)).json, "error", "code"), "upload_incomplete");
    assertResource(await put(session.url, null, LARGE), LARGE);
    await assertStored(api, session, LARGE);
  });

proves(["P24", "PUT-11"], "a right Content-MD5 on the last request is 200", async () => {
  const session = await api.create(N);
  assertResource(await put(session.url, null, SMALL, { "Content-MD5": md5Base64(SMALL) }), SMALL);
});

proves(["P25"], "Content-Encoding: gzip is 415 and nothing is kept", async () => {
  const session = await api.create(N);
  for (const encoding of ["gzip", "br", "identity, gzip"])
    assert.equal((await put(session.url, null, SMALL, { "Content-Encoding": encoding })).status, 415, encoding);
  assertResource(await put(session.url, null, SMALL), SMALL);
});

proves(["P26", "FIN-3"], "complete bytes make no file until finalize", async () => {
  const bucket = `unfinalized-${random.integer(1_000_000, 9_999_999)}`;
  const session = await api.create(N, { bucket });
  await put(session.url, null, SMALL);
  assert.equal(textAt((await api.session(session.id)).json, "status"), "received");
  assert.deepEqual(listAt((await api.get(`${FILES}?bucket=${bucket}`)).json, "files"), []);
});

proves(["P14", "PUT-13"], "a one-shot PUT to a URL that never was is 404 text", async () => {
  const session = await api.create(N);
  const answer = await rawExchange(`${session.url}x`, "PUT", [`Content-Length: ${N}`], SMALL);
  assert.equal(answer?.status, 404);
  assert.match(answer?.headers["content-type"] ?? "", /^text\/plain/);
});

proves(
  ["PUT-20"],
  "below the disk's reserve a PUT is 503 with Retry-After before its body, and nothing kept is lost",
  async () => {
    assert.ok(server !== null);
    const session = await api.create(LARGE.length);
    await put(session.url, `0-${UNIT - 1}/*`, LARGE.subarray(0, UNIT));
    const old = server.url;
    await server.end();
    await server.begin({ WHARF_DISK_RESERVE_BYTES: "999999999999999" });
    const url = session.url.replace(old, server.url);
    const connection = await RawConnection.open(url);
    const rest = LARGE.length - UNIT;
    const head = [`Content-Range: bytes ${UNIT}-${LARGE.length - 1}/${LARGE.length}`, `Content-Length: ${rest}`];
    await connection.writeHead("PUT", url, head);
    const answer = await connection.readAnswer();
    connection.destroy();
    assert.equal(answer?.status, 503);
    assert.match(answer?.headers["content-type"] ?? "", /^text\/plain/);
    assert.ok(Number(answer?.headers["retry-after"]) >= 1);
    assert.equal(keptOf(await probe(url)), UNIT);
    const create = await new Api(server.url, server.key).createRaw(api.createBody(5));
    assert.equal(create.status, 507);
    assert.equal(textAt(create.json, "error", "code"), "storage_full");
  },
  { skip: NEEDS_OWN_SERVER },
);
