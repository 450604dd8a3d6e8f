import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { normaliseSlug } from "../../src/buckets/bucket.ts";
import { chunkPage } from "../../src/chunking/chunk-page.ts";
import { WharfError } from "../../src/errors.ts";
import { docxFile, officeFile, openDocumentFile } from "../../src/extraction/fixtures/office-files.ts";
import { read } from "../../src/extraction/fixtures/read.ts";
import { charsetOf } from "../../src/extraction/formats/decode-text.ts";
import { FORMATS } from "../../src/extraction/formats/format.ts";
import { decideRange } from "../../src/files/byte-range.ts";
import { attachment, rangeApplies } from "../../src/files/content-headers.ts";
import { parseListQuery } from "../../src/files/list.ts";
import { errorBody } from "../../src/http/envelope.ts";
import { matchesEtag } from "../../src/http/etag.ts";
import { isJsonType, parseJsonBody } from "../../src/http/json-body.ts";
import { preferredWait } from "../../src/http/long-poll.ts";
import { isWellEncoded } from "../../src/http/request-line.ts";
import { openTestApp, type TestApp } from "../../src/http/test-app.ts";
import { brandId } from "../../src/ids.ts";
import { LIMITS } from "../../src/limits.ts";
import { redactSecrets } from "../../src/log.ts";
import { analyze } from "../../src/search-index/analyze.ts";
import { highlighter } from "../../src/search-index/highlights.ts";
import { withSpellings } from "../../src/search-index/query-spellings.ts";
import { readQuery } from "../../src/search-index/query-terms.ts";
import { validateCreate } from "../../src/uploads/create-session.ts";
import { parseContentRange } from "../../src/uploads/embedded/content-range.ts";
import { digestContradiction } from "../../src/uploads/embedded/expected-digests.ts";
import { sessionOfPath } from "../../src/uploads/embedded/upload-url.ts";
import { parseIdempotencyKey } from "../../src/uploads/idempotency.ts";
import { asyncCostMs, costMs, type Grammar, pumped } from "./cost.ts";

/** Twice what a request's head may have, so that quadratic time, half a second or more, stands far above the budget. */
const CHARS = 32_768;
const NS_PER_CHAR = 2000;
const BUDGET_MS = (CHARS * NS_PER_CHAR) / 1e6;
/** Pumps of three to five pieces, at random. */
const RANDOM_RUNS = 100;

interface Parser extends Grammar {
  readonly parse: (text: string) => unknown;
  /** The longest text that reaches it; default CHARS. */
  readonly chars?: number;
}

const TEAM = brandId("team", "team_1");
const NOT_FOUND = new WharfError("not_found");
const DIGESTS = { md5Base64: "1B2M2Y8AsgTpgAmY7PhCfg==", md5Hex: "", crc32cBase64: "AAAAAA==" };
const BLANKS = [" ", "\t"];
const LIST = [...BLANKS, ",", ";", "=", '"', "\\", "a", "1"];
const ENDS = ["", "(", '"', "\u0000"];
/** What identifiers and numbers are made of. */
const NAMES = ["0", "1a", "+", "(", ") ", "-", ".", ",", "²", "×", "DE89 ", "A0 "];
/** Combining marks of several classes, which normalising sorts, and letters that they combine with. */
const UNICODE = ["\u0300", "\u0316", "\u0345", "\u093c", "\u094d", "क", "é", "가", "ᄀ", "漢", "ﬃ", "😀", "\ud800"];

const create = (fields: object) => validateCreate({ filename: "a", size_bytes: 1, bucket: "b", ...fields }, 100);
const json = (text: string) => parseJsonBody(Buffer.from(text));

const PARSERS: Readonly<Record<string, Parser>> = {
  content_type: {
    parse: (text) => create({ content_type: text }),
    starts: ["a/b", "a/b;a=", 'a/b;a="', ""],
    pieces: [...LIST, "/"],
    ends: ENDS,
    // A pump and an end go beyond it.
    chars: LIMITS.contentTypeChars - 8,
  },
  "a request's Content-Type": {
    parse: isJsonType,
    starts: ["application/json", "application/json;charset=utf-8", 'application/json;charset="', ""],
    pieces: [...LIST, "/", "charset=utf-8"],
    ends: ENDS,
  },
  "X-Goog-Hash": {
    parse: (text) => digestContradiction({ "x-goog-hash": text }, DIGESTS),
    starts: ["md5=", "crc32c=", `md5=${DIGESTS.md5Base64}`, ""],
    pieces: [...LIST, "md5=", "crc32c=", DIGESTS.md5Base64],
    ends: ENDS,
  },
  "Content-MD5": {
    parse: (text) => digestContradiction({ "content-md5": text }, DIGESTS),
    starts: [DIGESTS.md5Base64, ""],
    pieces: LIST,
    ends: ENDS,
  },
  "Content-Range": {
    parse: parseContentRange,
    starts: ["bytes ", "bytes 0-", "bytes 0-1/", "bytes */", ""],
    pieces: [...LIST, "0", "-", "*", "/", "bytes "],
    ends: ENDS,
  },
  Range: {
    parse: (text) => decideRange(text, 1000),
    starts: ["bytes=", "bytes", "bytes=0-", ""],
    pieces: [...LIST, "0", "-", "bytes="],
    ends: ENDS,
  },
  "If-None-Match": {
    parse: (text) => matchesEtag(text, 'W/"a"'),
    starts: ['W/"', "*", ""],
    pieces: [...LIST, "W/", '"a"', "*"],
    ends: ENDS,
  },
  "If-Range": { parse: (text) => rangeApplies(text, '"a"'), starts: ['"a"', ""], pieces: LIST, ends: ENDS },
  Prefer: {
    parse: preferredWait,
    starts: ["wait=", "wait", ""],
    pieces: [...LIST, "wait", "wait=1"],
    ends: ENDS,
  },
  Accept: {
    parse: (text) => errorBody(NOT_FOUND, "req_1", text),
    starts: ["application/problem+json", "application/problem+json;a=", ""],
    pieces: [...LIST, "/", "*/*", ";q=0.5", "application/json"],
    ends: ENDS,
    chars: 16_384,
  },
  "Idempotency-Key": {
    parse: parseIdempotencyKey,
    starts: ['"', '"a";', ""],
    pieces: [...LIST, "(", ":", "?1", "1.0"],
    ends: ENDS,
  },
  "a path": {
    parse: (text) => [isWellEncoded(text), sessionOfPath(text, "secret")],
    starts: ["/v1/uploads/sess_1/", "/v1/uploads/", ""],
    pieces: ["/", "%", "%41", "%c3", "%e2%82", ".", "a", "sess_", "?", "#"],
    ends: ENDS,
  },
  "a line of the log": {
    parse: redactSecrets,
    starts: ["", "sk_", "/v1/uploads/"],
    pieces: ["sk_", "/v1/uploads/", "a", "_", "-", "/", " ", "sk_0123456789abcdef"],
    ends: ENDS,
  },
  filename: {
    parse: (text) => [create({ filename: text }), attachment(text)],
    starts: ["a", ""],
    pieces: [...UNICODE, "..", "/", " ", "%", '"'],
    ends: ["", "\u0000"],
  },
  "title, tags and metadata": {
    parse: (text) => create({ title: text, tags: [text], metadata: { [text]: text } }),
    starts: [""],
    pieces: [...UNICODE, " ", "\u00a0"],
    ends: ["", "x"],
  },
  "a bucket's name": {
    parse: normaliseSlug,
    starts: ["a", ""],
    pieces: [" ", "_", "-", "A", "İ", "\u0300"],
    ends: ["", "("],
  },
  "a JSON body": {
    parse: json,
    starts: ["", '{"metadata":', '{"a":', '"', "["],
    pieces: ['{"a":', "[", "]", "}", ",", '"', "\\", "\\u0300", "1", "-", "e", ".", '"a":1,', " "],
    ends: ["", "}", '"}'],
  },
  "filters of a list": {
    parse: (text) =>
      parseListQuery(TEAM, {
        status: undefined,
        limit: undefined,
        bucket: text,
        tags: [text],
        metadata: [[text, text]],
        createdAfter: text,
        cursor: text,
      }),
    starts: ["", "2026-01-01T00:00:00", "["],
    pieces: [" ", ".", "0", ":", "-", "[", '"', "a", "\u0300"],
    ends: ["", "Z"],
  },
  "a query": {
    parse: (text) => withSpellings(readQuery(text), () => 1),
    starts: ["", "don"],
    pieces: [...UNICODE, ...NAMES, "'", "’", '"', " ", "ing", "s"],
    ends: ["", "."],
    chars: LIMITS.queryChars,
  },
  "words of a chunk": {
    parse: analyze,
    starts: ["", "don"],
    pieces: [...UNICODE, ...NAMES, "'", "’", "ﾞ", "\u200b", " ", "ing", "s"],
    ends: ["", "."],
    chars: LIMITS.chunkMaxChars,
  },
  "marks in a passage": {
    parse: highlighter(new Set(["a0b", "inging", "iso9001", "0".repeat(40), "ii0"])),
    starts: ["", "ISO "],
    pieces: [...UNICODE, ...NAMES, " ", "ing"],
    ends: ["", "9001"],
    chars: LIMITS.chunkMaxChars,
  },
  "a page that is cut into chunks": {
    parse: (text) => [...chunkPage(text)],
    starts: ["", "a"],
    pieces: [" ", "\n", ".", "。", ")", '"', "a", "😀", "\u00a0"],
    ends: ["", "a"],
  },
  "a charset in a declaration": {
    parse: charsetOf,
    starts: ["", "text/html;charset="],
    pieces: [" ", "charset", "=", '"', "'", "a", ";"],
    ends: ["", "("],
  },
};

describe("time grows with the length of a stranger's text alone", () => {
  for (const [name, parser] of Object.entries(PARSERS)) {
    const chars = parser.chars ?? CHARS;
    const cost = (text: string) => {
      const spent = costMs(() => refusing(() => parser.parse(text)), BUDGET_MS);
      assert.ok(spent <= BUDGET_MS, `${spent} ms for ${text.length} characters: ${JSON.stringify(text.slice(0, 80))}…`);
    };
    test(name, () => {
      for (const text of pumped(parser, chars)) cost(text);
      fc.assert(
        fc.property(...hostile(parser), (start, pump, end) =>
          cost(start + pump.repeat(Math.ceil(chars / pump.length)) + end),
        ),
        { numRuns: RANDOM_RUNS, endOnFailure: true },
      );
    });
  }
});

function hostile({ starts, pieces, ends }: Grammar) {
  const pump = fc.array(fc.constantFrom(...pieces), { minLength: 3, maxLength: 5 }).map((parts) => parts.join(""));
  return [fc.constantFrom(...starts), pump, fc.constantFrom(...ends)] as const;
}

/**
 * Where a text stands in a request; what reads it there is partly Fastify's own: router, query string, Content-Type.
 */
const PLACES: Readonly<Record<string, Grammar & { readonly request: (text: string) => InjectOptions }>> = {
  "in Authorization": {
    request: (text) => ({ url: ME, headers: { authorization: text } }),
    starts: ["Bearer ", "Bearer sk_", ""],
    pieces: [" ", "\t", "a", "sk_", "="],
    ends: ["", ","],
  },
  "in Content-Type": {
    request: (text) => ({ method: "POST", url: ME, headers: { "content-type": text }, payload: "{}" }),
    starts: ["application/json", "application/json;a=", 'application/json;a="', ""],
    pieces: [...LIST, "/"],
    ends: ["", "(", '"'],
  },
  "in the path": {
    request: (text) => ({ url: text }),
    starts: ["/v1/", "/"],
    pieces: ["/", "%41", "%c3%a9", ".", ":", "*", ";", "a"],
    ends: ["", "%"],
  },
  "in the query string": {
    request: (text) => ({ url: `${ME}?${text}` }),
    starts: ["", "tag=", "metadata."],
    pieces: ["&", "=", "+", "%41", "%c3%a9", "[", "]", ".", "a", "tag=", "limit=1"],
    ends: ["", "%"],
  },
};
const ME = "/v1/connection`: whose key this is. Clients call it to check their configuration. */";
/** What Node lets a request's head have. */
const HEAD_CHARS = 16_000;
const HEAD_BUDGET_MS = 40;

describe("time grows with the length of a stranger's request alone", () => {
  let edge: TestApp | null = null;
  before(async () => {
    edge = await openTestApp();
  });
  after(() => edge?.close());
  for (const [place, { request, ...grammar }] of Object.entries(PLACES)) {
    test(place, async () => {
      for (const text of pumped(grammar, HEAD_CHARS)) {
        const spent = await asyncCostMs(async () => edge?.inject(request(text)), HEAD_BUDGET_MS);
        assert.ok(spent <= HEAD_BUDGET_MS, `${spent} ms for ${JSON.stringify(text.slice(0, 80))}…`);
      }
    });
  }
});

/** A refusal is an answer. */
function refusing(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof WharfError)) throw error;
  }
}

interface Document extends Grammar {
  /** What the text stands in; by itself it is a document of that type. */
  readonly within?: (text: string) => Buffer;
}

const DOCUMENTS: Readonly<Record<string, Document>> = {
  "text/html": {
    starts: ["<html><body>", "", "<!--", "<table>"],
    pieces: ["<", ">", "<b>", "</b>", "<p>", "<td>", "<!--", "-->", "&amp;", "&", " ", "a", '"', "<a href='"],
    ends: [""],
  },
  "application/rtf": {
    starts: ["{\\rtf1 ", "{\\rtf1{\\fonttbl"],
    pieces: ["{", "}", "\\", "\\b ", "\\u955?", "\\'e9", "\\par ", "\\bin5 ", " ", "a"],
    ends: ["", "}"],
  },
  "message/rfc822": {
    starts: ["Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n", "From: "],
    pieces: [",", ";", '"', "=?utf-8?q?a?=", "\r\n ", "--a\r\n"],
    ends: [""],
  },
  [FORMATS.docx]: {
    within: docxFile,
    starts: ["", "<w:tbl><w:tr><w:tc>"],
    pieces: [
      "<w:p>",
      "</w:p>",
      "<w:r><w:t>a</w:t></w:r>",
      "<w:tab/>",
      "<w:tc>",
      "&amp;",
      "<w:t>",
      "a",
      " ",
      "<!--",
      "]]>",
    ],
    ends: [""],
  },
  [FORMATS.pptx]: {
    within: (text) => officeFile("pptx", text),
    starts: [""],
    pieces: ["<p:sp>", "</p:sp>", "<a:p>", "<a:t>a</a:t>", "<a:fld>", " "],
    ends: [""],
  },
  [FORMATS.xlsx]: {
    within: (text) => officeFile("xlsx", text),
    starts: ["<worksheet><sheetData>", ""],
    pieces: [
      "<row>",
      "</row>",
      "<c><v>1</v></c>",
      '<c t="inlineStr"><is><t>a</t></is></c>',
      "<c r='ZZ9'>",
      "&amp;",
      " ",
    ],
    ends: [""],
  },
  [FORMATS.odt]: {
    within: (text) => openDocumentFile("text", text),
    starts: [""],
    pieces: [
      "<text:p>",
      "</text:p>",
      "<text:s text:c='9'/>",
      "<text:span>",
      "<text:list>",
      "<table:table-cell>",
      "&amp;",
      "a",
    ],
    ends: [""],
  },
  "text/plain": { starts: ["", "\ufeff"], pieces: [" ", "\n", "\r", "\f", "a", "\u0000", "é"], ends: [""] },
};
/**
 * Readers do more with a character (mail that is all line ends: 4 µs), so it takes longer texts to tell quadratic time
 * from that.
 */
const DOCUMENT_CHARS = 65_536;
const NS_PER_DOCUMENT_CHAR = 20_000;

describe("time grows with the length of a stranger's document alone", () => {
  for (const [declaredType, { within = (text: string) => Buffer.from(text), ...grammar }] of Object.entries(
    DOCUMENTS,
  )) {
    test(declaredType, async () => {
      const budgetMs = (DOCUMENT_CHARS * NS_PER_DOCUMENT_CHAR) / 1e6;
      for (const text of pumped(grammar, DOCUMENT_CHARS)) {
        const document = within(text);
        const spent = await asyncCostMs(() => read(document, { declaredType }), budgetMs);
        assert.ok(spent <= budgetMs, `${spent} ms for ${JSON.stringify(text.slice(0, 80))}…`);
      }
    });
  }
});
