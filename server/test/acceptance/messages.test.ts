import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { FILES, SESSIONS } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import type { HttpAnswer } from "../support/http.ts";
import { textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/** "`message` tells the reader how to fix it": refusals that led astray, each with what it has to say. */

const { api } = await openTarget();
const created = (fields: Record<string, unknown>) => api.createRaw(api.createBody(9, fields));

interface Message {
  readonly what: string;
  readonly send: () => Promise<HttpAnswer>;
  readonly status: number;
  readonly code: string;
  readonly says: RegExp;
  /** What would lead astray. */
  readonly not?: RegExp;
}
const MESSAGES: readonly Message[] = [
  {
    what: "a bucket that can be no slug, with create_missing_buckets",
    send: () => created({ bucket: "café" }),
    status: 400,
    code: "bucket_assignment_failed",
    says: /"café" can be no bucket's slug: it must have 1 to 63 of a-z, 0-9 and -/,
    not: /create_missing_buckets/,
  },
  {
    what: "an id that does not exist, with create_missing_buckets",
    send: () => created({ bucket: undefined, bucket_ids: ["bucket_none"] }),
    status: 400,
    code: "bucket_assignment_failed",
    says: /ids are never created/,
    not: /create_missing_buckets/,
  },
  {
    what: "a slug that is not there, without create_missing_buckets",
    send: () => created({ bucket: "not-there", create_missing_buckets: false }),
    status: 400,
    code: "bucket_assignment_failed",
    says: /send create_missing_buckets: true/,
  },
  {
    what: "a status that there is not",
    send: () => api.get(`${FILES}?status=foo`),
    status: 400,
    code: "invalid_request",
    says: /^status must be one of queued, indexing, indexed, failed, deleted\.$/,
  },
  {
    what: "a limit that is no number",
    send: () => api.get(`${FILES}?limit=+10`),
    status: 400,
    code: "invalid_request",
    says: /^limit must be a whole number\.$/,
  },
  {
    what: "a limit that is given twice",
    send: () => api.get(`${FILES}?limit=1&limit=2`),
    status: 400,
    code: "invalid_request",
    says: /^limit is given more than once: give it once\.$/,
  },
  {
    what: "a flag that is neither true nor false",
    send: () => api.get("/v1/knowledge/buckets?include_archived=1"),
    status: 400,
    code: "invalid_request",
    says: /^include_archived must be true or false\.$/,
  },
  {
    what: "a body of another charset",
    send: () =>
      api.call("POST", SESSIONS, { rawBody: "{}", headers: { "Content-Type": "application/json; charset=latin1" } }),
    status: 415,
    code: "unsupported_content_type",
    says: /in UTF-8/,
  },
  {
    what: "a slash at the end of a list",
    send: () => api.get(`${FILES}/`),
    status: 404,
    code: "not_found",
    says: /the slash at its end/,
  },
  {
    what: "no id in the middle of a path",
    send: () => api.call("POST", `${SESSIONS}//finalize`),
    status: 404,
    code: "not_found",
    says: /an id is missing/,
  },
  {
    what: "a compressed body",
    send: () =>
      api.call("POST", SESSIONS, {
        rawBody: gzipSync(JSON.stringify(api.createBody(9))),
        headers: { "Content-Encoding": "gzip" },
      }),
    status: 415,
    code: "unsupported_content_type",
    says: /without Content-Encoding/,
  },
];
for (const { what, send, status, code, says, not } of MESSAGES)
  proves(["ALL-5"], `${what}: the message says what to change`, async () => {
    const answer = await send();
    assert.equal(answer.status, status, answer.text);
    assert.equal(textAt(answer.json, "error", "code"), code);
    assert.match(textAt(answer.json, "error", "message"), says);
    if (not !== undefined) assert.doesNotMatch(textAt(answer.json, "error", "message"), not);
  });

proves(
  ["PUT-8", "O11"],
  "a whole body of another size is told the size, not of a header that it did not send",
  async () => {
    const session = await api.create(9);
    for (const body of [Buffer.from("abc"), [Buffer.from("abc")]]) {
      const answer = await put(session.url, null, body);
      assert.equal(answer.status, 400);
      assert.match(
        answer.text,
        /There were 3 byte\(s\).*should have been 9 byte\(s\), the size that the upload was created/,
      );
      assert.doesNotMatch(answer.text, /according to the Content-Range/);
    }
    assert.equal((await put(session.url, null, Buffer.from("nine byte"))).status, 200);
  },
);
