import assert from "node:assert/strict";
import { Api } from "../support/api.ts";
import { assertResource, kept, probe, put, UNIT } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { http } from "../support/http.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, NEEDS_OWN_SERVER, openTarget, ownServer } from "../support/target.ts";

const { api, url } = await openTarget();
const BYTES = seededRandom(CONFIG.seed).bytes(2 * UNIT);
const T = BYTES.length;
const ORIGIN = { Origin: "https://app.example" };

function preflight(target: string, method: string, headers: string): Promise<HttpAnswer> {
  const asked = { ...ORIGIN, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers };
  return http(target, { method: "OPTIONS", headers: asked });
}

function list(answer: HttpAnswer, header: string): readonly string[] {
  return (answer.headers[header] ?? "").toLowerCase().split(/\s*,\s*/);
}

const PREFLIGHTS: readonly (readonly [
  ids: Parameters<typeof proves>[0],
  method: string,
  headers: readonly string[],
])[] = [
  [["PUT-15", "C1"], "PUT", ["content-type", "content-range"]],
  [["C2"], "PUT", ["x-goog-hash", "content-md5", "x-upload-content-type", "x-guploader-no-308", "authorization"]],
  [["C2"], "PUT", ["x-goog-api-client", "x-upload-content-length", "x-anything-at-all"]],
  [["C3"], "DELETE", []],
  [["C3"], "POST", ["content-range"]],
];
for (const [ids, method, headers] of PREFLIGHTS)
  proves(
    ids,
    `a preflight of ${method} with ${headers.join(", ") || "no headers"} is allowed and changes nothing`,
    async () => {
      const session = await api.create(T);
      await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
      const answer = await preflight(session.url, method, headers.join(", "));
      assert.ok([200, 204].includes(answer.status));
      assert.ok(["*", ORIGIN.Origin].includes(answer.headers["access-control-allow-origin"] ?? ""));
      assert.ok(list(answer, "access-control-allow-methods").includes(method.toLowerCase()));
      for (const header of headers) assert.ok(list(answer, "access-control-allow-headers").includes(header), header);
      assert.equal(await kept(session.url), UNIT);
    },
  );

proves(["C1", "C2"], "a preflight that names no headers hears which are allowed", async () => {
  const session = await api.create(T);
  const answer = await http(session.url, { method: "OPTIONS", headers: ORIGIN });
  for (const header of ["content-type", "content-range", "x-goog-hash", "authorization"])
    assert.ok(list(answer, "access-control-allow-headers").includes(header), header);
});

proves(["C4"], "a preflight may be cached", async () => {
  const session = await api.create(T);
  assert.ok(Number((await preflight(session.url, "PUT", "content-range")).headers["access-control-max-age"]) >= 60);
});

proves(
  ["PUT-15", "C5", "C6", "C7", "C8", "C9", "C10", "C11"],
  "every answer, refusals too, can be read by a page, Range among it",
  async () => {
    const session = await api.create(T);
    const cancelled = await api.create(T);
    await put(cancelled.url, null, undefined, {}, "DELETE");
    const answers = [
      await put(session.url, "*/*", Buffer.alloc(0), ORIGIN),
      await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT), ORIGIN),
      await put(session.url, "garbage", Buffer.from("x"), ORIGIN),
      await put(session.url, `0-5/*`, BYTES.subarray(0, 6), ORIGIN),
      await put(session.url, `0-${T - 1}/${T}`, BYTES, { ...ORIGIN, "X-Goog-Hash": "crc32c=AAAAAA==" }),
      await put(session.url, `${UNIT}-${T - 1}/${T}`, BYTES.subarray(UNIT), ORIGIN),
      await put(session.url, null, BYTES, { ...ORIGIN, "Content-Encoding": "gzip" }),
      await put(session.url, null, BYTES, ORIGIN),
      await put(session.url, null, undefined, ORIGIN, "DELETE"),
      await put(session.url, null, undefined, ORIGIN, "GET"),
      await put(`${session.url}x`, null, Buffer.from("x"), ORIGIN),
      await put(cancelled.url, null, BYTES, ORIGIN),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [308, 308, 400, 400, 400, 503, 415, 200, 405, 405, 404, 499],
    );
    for (const answer of answers) {
      const allowed = answer.headers["access-control-allow-origin"];
      assert.ok(["*", ORIGIN.Origin].includes(allowed ?? ""), `${answer.status}: ${allowed}`);
      assert.ok(list(answer, "access-control-expose-headers").includes("range"), String(answer.status));
      if (allowed === "*") assert.equal(answer.headers["access-control-allow-credentials"], undefined);
      assert.match(answer.headers["vary"] ?? "", /\bOrigin\b/);
    }
    for (const name of ["content-length", "content-type", "date", "x-guploader-uploadid", "x-range-md5"])
      assert.ok(list(answers[0] ?? (await probe(session.url)), "access-control-expose-headers").includes(name), name);
  },
);

proves(["C12", "C13"], "clients without Origin and with Origin: null are served alike", async () => {
  for (const headers of [{}, { Origin: "null" }]) {
    const session = await api.create(T);
    assertResource(await put(session.url, null, BYTES, headers), BYTES);
  }
});

proves(["C5", "C8"], "the API itself allows no other origin: a key does not belong in a page", async () => {
  for (const answer of [
    await http(`${url}/v1/connection`, { headers: { ...ORIGIN, Authorization: `Bearer ${api.key}` } }),
    await preflight(`${url}/v1/knowledge/files/upload-session`, "POST", "authorization"),
  ])
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
});

proves(
  ["C5", "C10"],
  "an operator may name the origins: others hear nothing, named ones are echoed",
  async () => {
    const server = await ownServer({ WHARF_UPLOAD_ORIGINS: "https://app.example,https://b.example" });
    const named = new Api(server.url, server.key);
    const session = await named.create(T);
    const cases = [
      ["https://app.example", "https://app.example"],
      ["https://b.example", "https://b.example"],
      ["https://evil.example", undefined],
      ["null", undefined],
    ] as const;
    for (const [origin, allowed] of cases) {
      const answer = await put(session.url, "*/*", Buffer.alloc(0), { Origin: origin });
      assert.equal(answer.headers["access-control-allow-origin"], allowed, origin);
      assert.match(answer.headers["vary"] ?? "", /\bOrigin\b/);
    }
  },
  { skip: NEEDS_OWN_SERVER },
);
