import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { parse } from "content-disposition";
import type { LightMyRequestResponse } from "fastify";
import { originalKey, storedKey } from "../blobs/keys.ts";
import { LIMITS } from "../limits.ts";
import { openTestFiles, type TestFile, type TestFiles, type TestTeam } from "./test-files.ts";

const FILES = "/v1/knowledge/files";

let f: TestFiles;
let team: TestTeam;
before(async () => {
  f = await openTestFiles();
  team = await f.newTeam();
});
after(() => f.close());

const urlOf = (file: TestFile, rest = "") => `${FILES}/${file.fileId}${rest}`;

function errorCode(answer: LightMyRequestResponse): string {
  return answer.json().error.code;
}

describe("GET /files/{id}/content", () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 600_000 }, (_, i) => (i * 31) ^ (i >> 8)));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  let file: TestFile;
  before(async () => {
    file = await f.newFile(team, { bytes, filename: '年度 "報告".html' });
  });

  test("is the original as a safe attachment, in any state of the file", async () => {
    for (const state of ["queued", "indexing", "indexed", "failed"] as const) {
      const made = await f.newFile(team, { bytes, state, filename: '年度 "報告".html' });
      const answer = await f.get(team, urlOf(made, "/content"));
      assert.equal(answer.statusCode, 200);
      assert.ok(answer.rawPayload.equals(bytes));
    }
    const { headers } = await f.get(team, urlOf(file, "/content"));
    assert.equal(headers["content-type"], "application/octet-stream");
    assert.equal(headers["content-length"], String(bytes.length));
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["content-security-policy"], "sandbox; default-src 'none'");
    assert.equal(headers["etag"], `"${sha256}"`);
    assert.equal(headers["repr-digest"], `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`);
    const disposition = parse(String(headers["content-disposition"]));
    assert.deepEqual([disposition.type, disposition.parameters["filename"]], ["attachment", '年度 "報告".html']);
    assert.match(String(headers["x-request-id"]), /^req_/);
  });

  const ranges: readonly (readonly [string, number, number])[] = [
    ["bytes=0-0", 0, 1],
    ["bytes=262143-262144", 262_143, 262_145],
    ["bytes=599999-", 599_999, 600_000],
    ["bytes=-10", 599_990, 600_000],
    ["bytes=0-", 0, 600_000],
  ];
  for (const [range, start, end] of ranges)
    test(`${range} is 206 with exactly those bytes`, async () => {
      const answer = await f.get(team, urlOf(file, "/content"), { range });
      assert.equal(answer.statusCode, 206);
      assert.equal(answer.headers["content-range"], `bytes ${start}-${end - 1}/600000`);
      assert.equal(answer.headers["content-length"], String(end - start));
      assert.ok(answer.rawPayload.equals(bytes.subarray(start, end)));
    });

  test("several ranges, a malformed one, and one for another version give the whole", async () => {
    const cases = [
      { range: "bytes=0-1,5-6" },
      { range: "bytes=9-1" },
      { range: "lines=1-2" },
      { range: "bytes=0-1", "if-range": '"other"' },
      { range: "bytes=0-1", "if-range": `W/"${sha256}"` },
      { range: "bytes=0-1", "if-range": "Wed, 21 Oct 2026 07:28:00 GMT" },
    ];
    for (const headers of cases) {
      const answer = await f.get(team, urlOf(file, "/content"), headers);
      assert.equal(answer.statusCode, 200, JSON.stringify(headers));
      assert.equal(answer.rawPayload.length, bytes.length);
    }
    const same = await f.get(team, urlOf(file, "/content"), { range: "bytes=0-1", "if-range": `"${sha256}"` });
    assert.equal(same.statusCode, 206);
  });

  test("a range that cannot be satisfied is 416 with the size, in our error shape", async () => {
    for (const range of ["bytes=600000-", "bytes=-0"]) {
      const answer = await f.get(team, urlOf(file, "/content"), { range });
      assert.equal(answer.statusCode, 416);
      assert.equal(answer.headers["content-range"], "bytes */600000");
      assert.equal(errorCode(answer), "range_not_satisfiable");
    }
  });

  test("If-None-Match with the SHA-256 is 304 without a body, also with a range", async () => {
    for (const known of [`"${sha256}"`, `W/"${sha256}"`, `"x", "${sha256}"`, "*"]) {
      const answer = await f.get(team, urlOf(file, "/content"), { "if-none-match": known, range: "bytes=0-1" });
      assert.equal(answer.statusCode, 304);
      assert.equal(answer.rawPayload.length, 0);
      assert.equal(answer.headers["etag"], `"${sha256}"`);
    }
  });

  test("HEAD has the headers of GET and no body, and a Range changes nothing", async () => {
    const head = await f.app.inject({
      method: "HEAD",
      url: urlOf(file, "/content"),
      headers: { authorization: `Bearer ${team.key}`, range: "bytes=0-1" },
    });
    const get = await f.get(team, urlOf(file, "/content"));
    const own = { "x-request-id": "", date: "" };
    assert.deepEqual({ ...head.headers, ...own }, { ...get.headers, ...own });
    assert.equal(head.statusCode, 200);
    assert.equal(head.rawPayload.length, 0);
  });

  test("damaged bytes are 500 integrity_error on every kind of read, are logged, and none is sent", async () => {
    const damaged = await f.newFile(team, { bytes });
    assert.equal(
      (await f.get(team, urlOf(damaged, "/content"), { range: "bytes=0-9" })).statusCode,
      206,
      "known and good",
    );
    const handle = await open(f.pathOf(damaged), "r+");
    await handle.write(Buffer.of(0xff, 0x00, 0xff), 0, 3, 300_000);
    await handle.close();
    f.logged.length = 0;
    const calls = [
      await f.get(team, urlOf(damaged, "/content")),
      await f.get(team, urlOf(damaged, "/content"), { range: "bytes=299000-301000" }),
    ];
    for (const answer of calls) {
      assert.equal(answer.statusCode, 500);
      assert.equal(errorCode(answer), "integrity_error");
      assert.equal(answer.headers["etag"], undefined);
    }
    assert.equal((await f.call(team, "HEAD", urlOf(damaged, "/content"))).statusCode, 500);
    assert.equal(f.logged.filter((line) => line.level === "error").length, 3);
    await f.blobs.remove(originalKey(damaged.sessionId, damaged.sha256));
    assert.equal(
      errorCode(await f.get(team, urlOf(damaged, "/content"))),
      "integrity_error",
      "gone is damaged as well",
    );
    assert.equal(f.downloads.running, 0);
  });

  test("when the team's share is taken it is 503 overloaded with Retry-After, another team's works, and so does this one afterwards", async () => {
    const places = Array.from({ length: LIMITS.downloads / 2 }, () =>
      f.downloads.take({ teamId: team.teamId, keyId: null }),
    );
    const answer = await f.get(team, urlOf(file, "/content"));
    assert.equal(answer.statusCode, 503);
    assert.equal(errorCode(answer), "overloaded");
    assert.equal(answer.headers["retry-after"], "1");
    assert.match(answer.json().error.message, /Your team has as many downloads under way/);
    const other = await f.newTeam();
    const theirs = await f.newFile(other, { state: "indexed" });
    assert.equal((await f.get(other, urlOf(theirs, "/content"))).statusCode, 200);
    for (const place of places) place.free();
    assert.equal((await f.get(team, urlOf(file, "/content"))).statusCode, 200);
    assert.equal(f.downloads.running, 0);
  });
});

describe("GET /files/{id}/text", () => {
  const pages = [
    { label: "i", text: 'Erste Seite.\nMit "Zeichen" \u2028 und 😀.' },
    { label: null, text: "" },
    { label: "Sheet 1", text: "x".repeat(700_000) },
    ...Array.from({ length: 20 }, (_, i) => ({ label: null, text: `Page ${i + 4}` })),
  ];
  let file: TestFile;
  before(async () => {
    file = await f.newFile(team, { state: "indexed", pages });
  });

  test("is every page with number, label and text", async () => {
    const answer = await f.get(team, urlOf(file, "/text"));
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers["content-type"], "application/json; charset=utf-8");
    assert.deepEqual(answer.json(), {
      file_id: file.fileId,
      file_version: 1,
      pages: pages.map((page, i) => ({ page: i + 1, ...page })),
      request_id: answer.headers["x-request-id"],
    });
  });

  test("?page= is that page alone: first, last, empty, large and each between", async () => {
    for (const [index, page] of pages.entries()) {
      const answer = await f.get(team, urlOf(file, `/text?page=${index + 1}`));
      assert.deepEqual(answer.json().pages, [{ page: index + 1, ...page }]);
    }
  });

  test("an absent page is 404 not_found, and one that is no positive integer 400", async () => {
    for (const page of ["24", "230", "9007199254740993"]) {
      const answer = await f.get(team, urlOf(file, `/text?page=${page}`));
      assert.equal(answer.statusCode, 404, page);
      assert.equal(errorCode(answer), "not_found");
    }
    for (const page of ["0", "-1", "1.5", "x", "", "1e1"]) {
      const answer = await f.get(team, urlOf(file, `/text?page=${page}`));
      assert.equal(answer.statusCode, 400, page);
      assert.equal(answer.json().error.details.field, "page");
    }
  });

  test("no text yet, or none to come, is 409 conflict that says which", async () => {
    for (const [state, says] of [
      ["queued", /no text yet/],
      ["indexing", /no text yet/],
      ["failed", /indexing failed/],
    ] as const) {
      const answer = await f.get(team, urlOf(await f.newFile(team, { state }), "/text"));
      assert.equal(answer.statusCode, 409);
      assert.equal(errorCode(answer), "conflict");
      assert.match(answer.json().error.message, says);
    }
  });

  test("of a document without a page is an empty list", async () => {
    const empty = await f.newFile(team, { state: "indexed", pages: [] });
    const answer = await f.get(team, urlOf(empty, "/text"));
    assert.deepEqual(answer.json().pages, []);
  });

  test("HEAD answers without the text and frees its place", async () => {
    const answer = await f.call(team, "HEAD", urlOf(file, "/text"));
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.rawPayload.length, 0);
    assert.equal((await f.call(team, "HEAD", urlOf(file, "/text?page=99"))).statusCode, 404);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(f.downloads.running, 0);
  });

  test("a text that vanished is an error and no half answer", async () => {
    const lost = await f.newFile(team, { state: "indexed" });
    const { text_key } = await f.t.file(lost.fileId);
    await f.blobs.remove(storedKey(text_key ?? ""));
    assert.equal((await f.get(team, urlOf(lost, "/text"))).statusCode, 500);
    assert.equal(f.downloads.running, 0);
  });
});
