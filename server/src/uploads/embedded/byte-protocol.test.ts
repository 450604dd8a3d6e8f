import assert from "node:assert/strict";
import { test } from "node:test";
import { brandId } from "../../ids.ts";
import type { Session } from "../session.ts";
import { decide, type RequestHead } from "./byte-protocol.ts";

const UNIT = 256 * 1024;
const SIZE = 10 * UNIT + 5;

function session(more: Partial<Session> = {}): Session {
  return {
    id: brandId("sess", "sess_1"),
    teamId: brandId("team", "team_1"),
    state: "open",
    filename: "f",
    title: "f",
    contentType: "text/plain",
    sizeBytes: SIZE,
    tags: [],
    metadata: "{}",
    bucketIds: [],
    writerEpoch: 0,
    receivedBytes: 0,
    segments: [],
    digestState: null,
    md5: null,
    crc32c: null,
    receivedAt: null,
    createdAt: 0,
    updatedAt: 0,
    expiresAt: 1000,
    sha256: null,
    fileId: null,
    taskId: null,
    ...more,
  };
}

function put(
  contentRange: string | undefined,
  contentLength: number | null,
  more: Partial<RequestHead> = {},
): RequestHead {
  return {
    method: "PUT",
    contentRange,
    contentLength,
    contentEncoding: undefined,
    chunked: contentLength === null,
    ...more,
  };
}

/** What a decision comes to, short enough for a table. */
function summary(kept: Partial<Session>, head: RequestHead, now = 0): string {
  const decision = decide(session(kept), head, now);
  switch (decision.kind) {
    case "refuse":
      return String(decision.refusal.status);
    case "data":
      return `${decision.final ? "final" : "part"} ${decision.first}-${decision.end}`;
    default:
      return decision.kind;
  }
}

test("Whole bodies and parts are taken where they belong (PUT-1, PUT-2, PUT-4, PUT-5)", () => {
  assert.equal(summary({}, put(undefined, SIZE)), `final 0-${SIZE}`);
  assert.equal(summary({}, put(undefined, null)), `final 0-${SIZE}`);
  assert.equal(summary({}, put(`bytes 0-${SIZE - 1}/${SIZE}`, SIZE)), `final 0-${SIZE}`);
  assert.equal(summary({}, put(`bytes 0-${UNIT - 1}/${SIZE}`, UNIT)), `part 0-${UNIT}`);
  assert.equal(summary({}, put(`bytes 0-${UNIT - 1}/*`, UNIT)), `part 0-${UNIT}`);
  assert.equal(summary({}, put("bytes 0-*/*", null)), `final 0-${SIZE}`);
  assert.equal(summary({ receivedBytes: UNIT }, put(`bytes ${UNIT}-*/${SIZE}`, null)), `final ${UNIT}-${SIZE}`);
  const overlap = put(`bytes 0-${3 * UNIT - 1}/${SIZE}`, 3 * UNIT);
  assert.equal(summary({ receivedBytes: 2 * UNIT }, overlap), `part 0-${3 * UNIT}`);
});

test("K4: a part without a total that reaches the declared size is kept whole and does not end the object", () => {
  const last = put(`bytes ${10 * UNIT}-${SIZE - 1}/*`, 5);
  assert.equal(summary({ receivedBytes: 10 * UNIT }, last), `part ${10 * UNIT}-${SIZE}`);
});

test("Probes tell, and end the object only when everything declared is kept (PUT-3, rows Q1 … Q8, K3)", () => {
  for (const range of ["bytes */*", `bytes */${SIZE}`, "bytes */7"]) {
    assert.equal(summary({}, put(range, 0)), "progress", range);
    assert.equal(summary({}, put(range, null, { chunked: false })), "progress", range);
  }
  assert.equal(summary({ receivedBytes: UNIT }, put(`bytes */${UNIT}`, 0)), "progress");
  assert.equal(summary({ receivedBytes: SIZE }, put("bytes */*", 0)), "progress");
  assert.equal(summary({ receivedBytes: SIZE }, put(`bytes */${SIZE}`, 0)), "finish");
  assert.equal(summary({}, put("bytes */*", 9)), "400");
});

test("What disagrees with the declared size or with itself is 400 (PUT-8, rows O10 … O17)", () => {
  const cases: readonly RequestHead[] = [
    put(`bytes 0-${UNIT - 1}/${SIZE + 1}`, UNIT),
    put(`bytes 0-${SIZE}/*`, SIZE + 1),
    put(`bytes 0-${UNIT - 1}/${SIZE}`, UNIT + 1),
    put(`bytes 0-${UNIT - 1}/${SIZE}`, UNIT - 1),
    put(undefined, SIZE - 1),
    put(undefined, SIZE + 1),
    put(undefined, 0),
    put("bytes 0-*/*", 0),
    put("bytes 0-*/*", SIZE - 1),
  ];
  for (const head of cases) assert.equal(summary({}, head), "400", JSON.stringify(head));
});

test("A part that is not the last has at least 256 KiB (PUT-7, K11); beyond the kept size it is 503 (PUT-6, O1 … O4)", () => {
  assert.equal(summary({}, put(`bytes 0-1023/${SIZE}`, 1024)), "400");
  assert.equal(summary({}, put(`bytes 0-${UNIT - 2}/*`, UNIT - 1)), "400");
  assert.equal(summary({}, put(`bytes ${UNIT}-${2 * UNIT - 1}/${SIZE}`, UNIT)), "503");
  assert.equal(summary({}, put(`bytes ${SIZE - 1}-${SIZE - 1}/${SIZE}`, 1)), "503");
});

test("The state decides before the request's own faults do (rows L1 … L17, PUT-10, PUT-12, PUT-13, PUT-18)", () => {
  const garbage = put("bytes nonsense", 3);
  const past = 10_000;
  assert.equal(summary({ state: "received" }, garbage), "complete");
  assert.equal(summary({ state: "finalized" }, garbage, past), "complete");
  assert.equal(summary({ state: "cancelled" }, garbage), "499");
  assert.equal(summary({ state: "cancelled" }, put("bytes */*", 0)), "499");
  assert.equal(summary({ state: "expired" }, garbage), "410");
  assert.equal(summary({}, garbage, past), "410");
  assert.equal(summary({}, garbage), "400");
  const remove = put(undefined, null, { method: "DELETE", chunked: false });
  assert.equal(summary({}, remove), "cancel");
  assert.equal(summary({ state: "finalized" }, remove), "405");
  assert.equal(summary({ state: "received" }, remove), "405");
  assert.equal(summary({}, put(undefined, null, { method: "GET", chunked: false })), "405");
  assert.equal(summary({}, put("bytes */*", 0, { method: "POST" })), "progress");
});

test("Encoded bytes are refused, not kept as they are (P25)", () => {
  assert.equal(summary({}, put(undefined, SIZE, { contentEncoding: "gzip" })), "415");
  assert.equal(summary({}, put(undefined, SIZE, { contentEncoding: "identity" })), `final 0-${SIZE}`);
});
