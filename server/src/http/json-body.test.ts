import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { WharfError } from "../errors.ts";
import { isJsonType, parseJsonBody } from "./json-body.ts";

const parse = (text: string) => parseJsonBody(Buffer.from(text));
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

describe("a JSON body (ALL-9)", () => {
  test("that cannot be kept as sent is 400 invalid_request, naming the place", () => {
    const cases: readonly (readonly [string, string | Uint8Array, string | undefined, RegExp])[] = [
      ["no JSON", "{", undefined, /not valid JSON/],
      ["a trailing comma", '{"a":1,}', undefined, /not valid JSON/],
      ["a comment", "/**/{}", undefined, /not valid JSON/],
      ["NaN", '{"a":NaN}', undefined, /not valid JSON/],
      ["text after it", "{}{}", undefined, /not valid JSON/],
      ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]), undefined, /not valid JSON in UTF-8/],
      ["UTF-16", Buffer.from('{"a":1}', "utf16le"), undefined, /not valid JSON/],
      ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), undefined, /not valid JSON in UTF-8/],
      ["NUL in a value", '{"a":{"b":"x\\u0000"}}', "a.b", /NUL/],
      ["NUL in a name", '{"a":{"x\\u0000":1}}', "a", /name contains a NUL/],
      ["a lone surrogate", '{"a":["\\ud800"]}', "a.0", /surrogate/],
      ["a lone surrogate in a name", '{"\\udc00":1}', "", /surrogate/],
      ["__proto__", '{"metadata":{"__proto__":{"admin":true}}}', "metadata", /__proto__/],
      ["33 levels", nested(33), undefined, /32 levels/],
      ["4 000 levels", `{"metadata":${nested(4000)}}`, undefined, /32 levels/],
      ["30 000 levels", nested(30_000), undefined, /32 levels/],
      ["1e400", '{"size_bytes":1e400}', "size_bytes", /double range/],
      ["-1e400", '{"metadata":{"n":-1e400}}', "metadata.n", /double range/],
      ["2^53", '{"metadata":{"n":9007199254740992}}', "metadata.n", /2\^53/],
      ["2^53 + 1", '{"n":9007199254740993}', "n", /2\^53/],
      ["-2^53", '{"n":-9007199254740992}', "n", /2\^53/],
    ];
    for (const [name, body, field, message] of cases) {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      assert.throws(
        () => parseJsonBody(bytes),
        (error) => {
          assert.ok(error instanceof WharfError, name);
          assert.equal(error.code, "invalid_request", name);
          assert.match(error.message, message, name);
          if (field !== undefined) assert.equal(error.details["field"], field, name);
          return true;
        },
      );
    }
  });

  test("within the limits is taken as it is", () => {
    const cases: readonly (readonly [string, unknown])[] = [
      ["{}", {}],
      ["", undefined],
      ["null", null],
      ['{"a":1,"a":2}', { a: 2 }],
      [
        '{"a":9007199254740991,"b":-9007199254740991,"c":0.1,"d":25e6}',
        { a: 9007199254740991, b: -9007199254740991, c: 0.1, d: 25e6 },
      ],
      ['{"constructor":1,"toString":2}', { constructor: 1, toString: 2 }],
      ['{"a":"日本 😀 \\ud83d\\ude00 \\u0001"}', { a: "日本 😀 😀 \u0001" }],
      // A byte order mark, as PowerShell writes it.
      ["\uFEFF{}", {}],
      [nested(32), JSON.parse(nested(32))],
    ];
    for (const [text, value] of cases) assert.deepEqual(parse(text), value, text);
  });

  test("is of a type that says JSON, in UTF-8", () => {
    const types: readonly (readonly [string | undefined, boolean])[] = [
      ["application/json", true],
      ["Application/JSON", true],
      ["application/json;", true],
      ["application/json;charset=utf-8", true],
      ['application/json ; Charset="UTF-8";', true],
      ["application/json; charset=UTF8", true],
      ["application/json; charset=us-ascii", true],
      ["application/json; charset=iso-8859-1", false],
      [undefined, false],
      ["", false],
      ["application/json; charset=utf-16", false],
      ["application/json; boundary=x", false],
      ["application/jsonx", false],
      ["application/problem+json", false],
      ["text/json", false],
      [`application/json${" ".repeat(15_000)}x`, false],
    ];
    for (const [type, isJson] of types) assert.equal(isJsonType(type), isJson, type?.slice(0, 80));
  });

  test("has no null members but inside metadata", () => {
    assert.deepEqual(parse('{"title":null,"tags":["a",null],"x":{"y":null},"metadata":{"k":null,"o":{"p":null}}}'), {
      tags: ["a", null],
      x: {},
      metadata: { k: null, o: { p: null } },
    });
    assert.deepEqual(parse('{"metadata":null,"filters":{"metadata":{"k":null}}}'), {
      filters: { metadata: { k: null } },
    });
  });

  test("never reaches a prototype, and never fails otherwise than with 400", () => {
    const anything = fc.oneof(fc.json(), fc.string({ unit: "binary" }), fc.constant('{"__proto__":{"polluted":1}}'));
    fc.assert(
      fc.property(anything, (text) => {
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof WharfError && error.code === "invalid_request");
        }
        assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
      }),
      { numRuns: 300 },
    );
  });
});
