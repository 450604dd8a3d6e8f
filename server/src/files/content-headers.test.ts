import assert from "node:assert/strict";
import { createServer, get } from "node:http";
import { describe, test } from "node:test";
import { parse } from "content-disposition";
import fc from "fast-check";
import { attachment, contentHeaders, rangeApplies } from "./content-headers.ts";

describe("Content-Disposition", () => {
  const names: readonly (readonly [string, string])[] = [
    ["report.pdf", `attachment; filename=report.pdf; filename*=UTF-8''report.pdf`],
    ["年度報告.pdf", `attachment; filename=____.pdf; filename*=UTF-8''%E5%B9%B4%E5%BA%A6%E5%A0%B1%E5%91%8A.pdf`],
    [`a"b\\c.txt`, `attachment; filename=a_b_c.txt; filename*=UTF-8''a%22b%5Cc.txt`],
    ["../../etc/passwd", `attachment; filename=.._.._etc_passwd; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`],
    ["100%25.txt", `attachment; filename=100_25.txt; filename*=UTF-8''100%2525.txt`],
    [
      "a b; filename=evil.exe",
      `attachment; filename="a b; filename=evil.exe"; filename*=UTF-8''a%20b%3B%20filename%3Devil.exe`,
    ],
    [" ", `attachment; filename=" "; filename*=UTF-8''%20`],
    ["😀", `attachment; filename=_; filename*=UTF-8''%F0%9F%98%80`],
  ];
  for (const [name, header] of names) test(`of ${JSON.stringify(name)}`, () => assert.equal(attachment(name), header));

  test("of 10 000 names is one line of printable ASCII that parses back to the name", () => {
    const hostile = fc.constantFrom('"', "\\", "%", "/", ";", "'", "*", "=", "%2e", "\u202e", "\u00a0", "ﬀ", "😀", ".");
    const name = fc.array(fc.oneof(hostile, fc.string({ unit: "grapheme", maxLength: 3 })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(name.map(filenameOf), (filename) => {
        const header = attachment(filename);
        assert.match(header, /^[\x20-\x7e]+$/);
        const { type, parameters } = parse(header);
        assert.equal(type, "attachment");
        assert.equal(parameters["filename"], filename);
        // The fallback alone: no separator, escape or quote that a client could read differently.
        assert.match(parse(header, { extended: false }).parameters["filename"] ?? "", /^[^"\\%/]*$/);
      }),
      { numRuns: 10_000 },
    );
  });

  test("of hostile names passes Node's HTTP unchanged", async () => {
    const names = ["x\u0085y", "\u202egpj.exe", "ａ／ｂ", "a".repeat(255), "😀".repeat(255)].map((name) =>
      filenameOf([name]),
    );
    const server = createServer((request, response) => {
      response.setHeader("content-disposition", attachment(names[Number(request.url?.slice(1))] ?? ""));
      response.end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    try {
      for (const [index, name] of names.entries()) {
        const header = await headerOf(address.port, index);
        assert.equal(parse(header).parameters["filename"], name);
      }
    } finally {
      server.close();
    }
  });
});

/** What create accepts as a file name: control characters are refused there (§2). */
function filenameOf(parts: readonly string[]): string {
  return parts
    .join("")
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, "");
}

function headerOf(port: number, index: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: `/${index}` }, (response) => {
      response.resume();
      resolve(String(response.headers["content-disposition"]));
    }).on("error", reject);
  });
}

test("a download can run nothing and is guessed to be nothing", () => {
  const sha256 = "ab".repeat(32);
  const headers = contentHeaders({ filename: "x.html", sha256 });
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["content-security-policy"], "sandbox; default-src 'none'");
  assert.match(headers["content-disposition"] ?? "", /^attachment;/);
  assert.equal(headers["etag"], `"${sha256}"`);
  assert.equal(headers["repr-digest"], `sha-256=:${Buffer.from(sha256, "hex").toString("base64")}:`);
});

describe("a range with a validator", () => {
  const tag = `"abc"`;
  for (const [header, applies] of [
    [undefined, true],
    [`"abc"`, true],
    [`W/"abc"`, false],
    [`"x"`, false],
    ["Wed, 21 Oct 2026 07:28:00 GMT", false],
  ] as const)
    test(`If-Range ${header} ${applies ? "allows" : "voids"} the range`, () =>
      assert.equal(rangeApplies(header, tag), applies));
});
