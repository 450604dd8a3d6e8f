import assert from "node:assert/strict";
import { assertResource, assertStored, keptOf, probe, put, resume, UNIT } from "../support/bytes.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { rawExchange } from "../support/raw.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();
const BYTES = seededRandom(CONFIG.seed).bytes(3 * UNIT);
const T = BYTES.length;

proves(["PUT-3", "Q1"], "with nothing kept a query is 308 without Range", async () => {
  const session = await api.create(T);
  for (const total of ["*", T] as const) {
    const answer = await probe(session.url, total);
    assert.equal(keptOf(answer), 0);
    assert.equal(answer.headers["range"], undefined);
    assert.equal(answer.headers["x-range-md5"], undefined);
  }
});

const PARTIAL: readonly (readonly [ids: Parameters<typeof proves>[0], what: string, total: number | "*"])[] = [
  [["PUT-3", "Q2"], "any total", "*"],
  [["PUT-3", "Q2"], "the declared total", T],
  [["Q5", "Q8"], "a total above what is kept that is not the declared one", 3 * UNIT - 5],
  [["Q6"], "a total below what is kept", UNIT],
  [["Q7"], "exactly what is kept, though more is declared", 2 * UNIT],
  [["Q8"], "a total above the declared one", T + 1],
  [["Q8"], "a total of 0", 0],
];
for (const [ids, what, total] of PARTIAL)
  proves(ids, `a query with ${what} says what is kept, as often as it is asked, and changes nothing`, async () => {
    const session = await api.create(T);
    await put(session.url, `0-${2 * UNIT - 1}/*`, BYTES.subarray(0, 2 * UNIT));
    for (let round = 0; round < 3; round++) assert.equal(keptOf(await probe(session.url, total)), 2 * UNIT);
    await resume(session.url, BYTES);
    await assertStored(api, session, BYTES);
  });

proves(["PUT-3", "Q3", "PUT-10"], "when complete every form of query is 200 with the resource", async () => {
  const session = await api.create(T);
  const first = await put(session.url, null, BYTES);
  for (const total of ["*", T, T + 1, 0] as const) {
    const answer = await probe(session.url, total);
    assertResource(answer, BYTES);
    assert.equal(answer.text, first.text);
  }
});

proves(["Q4"], "a query without Content-Length is an empty body", async () => {
  const session = await api.create(T);
  await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
  const answer = await rawExchange(session.url, "PUT", ["Content-Range: bytes */*"]);
  assert.equal(answer?.status, 308);
  assert.equal(answer?.headers["range"], `bytes=0-${UNIT - 1}`);
});

proves(["Q2"], "a query with a body is refused and keeps nothing of it", async () => {
  const session = await api.create(T);
  assert.equal((await put(session.url, "*/*", BYTES.subarray(0, UNIT))).status, 400);
  assert.equal(keptOf(await probe(session.url)), 0);
});

proves(["Q11"], "every answer to a query is no-store", async () => {
  const session = await api.create(T);
  const answers = [await probe(session.url), await put(session.url, null, BYTES), await probe(session.url)];
  for (const { headers } of answers) assert.match(headers["cache-control"] ?? "", /no-cache, no-store/);
});
