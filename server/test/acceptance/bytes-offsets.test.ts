import assert from "node:assert/strict";
import type { OutgoingHttpHeaders } from "node:http";
import { assertResource, assertStored, kept, keptOf, put, resume, UNIT } from "../support/bytes.ts";
import { textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, openTarget } from "../support/target.ts";

const { api } = await openTarget();
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(3 * UNIT + 99);
const OTHER = random.bytes(BYTES.length);
const T = BYTES.length;
const CHUNKED: OutgoingHttpHeaders = { "Transfer-Encoding": "chunked" };

proves(
  ["PUT-6", "O1", "O2", "O3", "O4"],
  "a part beyond what is kept is Google's 503; nothing is kept of it and the session lives",
  async () => {
    for (const have of [0, UNIT]) {
      for (const headers of [{}, CHUNKED]) {
        const session = await api.create(T);
        if (have > 0) await put(session.url, `0-${have - 1}/*`, BYTES.subarray(0, have));
        const first = have + UNIT;
        const answer = await put(session.url, `${first}-${T - 1}/${T}`, BYTES.subarray(first), headers);
        assert.equal(answer.status, 503);
        assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert.equal(
          answer.text,
          `Invalid request.  According to the Content-Range header, the upload offset is ${first} byte(s), which exceeds already uploaded size of ${have} byte(s).`,
        );
        assert.equal(await kept(session.url), have);
        await resume(session.url, BYTES);
      }
    }
  },
);

proves(
  ["PUT-5", "O5", "O16"],
  "a chunk that is kept already is 308 with the Range unchanged, three times over",
  async () => {
    const session = await api.create(T);
    await put(session.url, `0-${2 * UNIT - 1}/*`, BYTES.subarray(0, 2 * UNIT));
    for (let round = 0; round < 3; round++)
      assert.equal(keptOf(await put(session.url, `0-${UNIT - 1}/${T}`, BYTES.subarray(0, UNIT))), 2 * UNIT);
    await resume(session.url, BYTES);
    await assertStored(api, session, BYTES);
  },
);

const OVERLAPS: readonly (readonly [what: string, first: number, headers: OutgoingHttpHeaders])[] = [
  ["from byte 0", 0, {}],
  ["from one byte before the kept end", 2 * UNIT - 1, {}],
  ["from an odd place", 12_345, {}],
  ["from an odd place, chunked", 300_001, CHUNKED],
];
for (const [what, first, headers] of OVERLAPS)
  proves(
    ["PUT-5", "O6", "O7", "O8"],
    `a part that overlaps the kept end ${what}: the first bytes win, the rest is appended`,
    async () => {
      const session = await api.create(T);
      await put(session.url, `0-${2 * UNIT - 1}/*`, BYTES.subarray(0, 2 * UNIT));
      const answer = await put(session.url, `${first}-${T - 1}/${T}`, OTHER.subarray(first), headers);
      const expected = Buffer.concat([BYTES.subarray(0, 2 * UNIT), OTHER.subarray(2 * UNIT)]);
      assertResource(answer, expected);
      await assertStored(api, session, expected);
    },
  );

proves(["O6", "PUT-7"], "an overlapping non-final part keeps whole units of what is new", async () => {
  const session = await api.create(T);
  await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
  const [first, end] = [UNIT - 100, 2 * UNIT + 100];
  assert.equal(keptOf(await put(session.url, `${first}-${end - 1}/*`, BYTES.subarray(first, end))), 2 * UNIT);
  await resume(session.url, BYTES);
  await assertStored(api, session, BYTES);
});

proves(["O9", "PUT-5"], "the whole body again without a range, with part of it kept", async () => {
  for (const headers of [{}, CHUNKED]) {
    const session = await api.create(T);
    await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
    assertResource(await put(session.url, null, BYTES, headers), BYTES);
    await assertStored(api, session, BYTES);
  }
});

interface Wrong {
  readonly range: string | null;
  readonly body: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly text?: RegExp;
}
const LENGTH_TEXT =
  /^Invalid request\. {2}There were \d+ byte\(s\) in the request body\. {2}There should have been \d+ byte\(s\) \(starting at offset \d+ and ending at offset \d+\) according to the Content-Range header\.$/;
const WRONG: readonly (readonly [ids: Parameters<typeof proves>[0], what: string, wrong: Wrong])[] = [
  [["O10"], "a total that changes between chunks", { range: `${UNIT}-${2 * UNIT - 1}/${T + 5}`, body: UNIT }],
  [["O12"], "a smaller total that the part would reach", { range: `${UNIT}-${2 * UNIT - 1}/${2 * UNIT}`, body: UNIT }],
  [["O13"], "a part past the declared size", { range: `${UNIT}-${T}/*`, body: T - UNIT + 1 }],
  [
    ["O13"],
    "a part past the declared size, with a total of its own",
    { range: `${UNIT}-${T}/${T + 1}`, body: T - UNIT + 1 },
  ],
  [["O11"], "a whole body that is too short", { range: null, body: T - 1 }],
  [["O11"], "a whole body that is too long", { range: null, body: T + 1 }],
  [["O11", "A19"], "a chunked whole body that is too long", { range: null, body: T + 1, headers: CHUNKED }],
  [["O11"], "a chunked whole body that is too short", { range: null, body: T - 1, headers: CHUNKED }],
  [["O11"], "an open range whose body is too short", { range: `${UNIT}-*/*`, body: 10, headers: CHUNKED }],
  [["O14"], "a whole object shorter than its range", { range: `0-${T - 1}/${T}`, body: T - 3, text: LENGTH_TEXT }],
  [["O15"], "a whole object longer than its range", { range: `0-${T - 1}/${T}`, body: T + 3, text: LENGTH_TEXT }],
  [
    ["O17"],
    "a chunk shorter than its range",
    { range: `${UNIT}-${2 * UNIT - 1}/*`, body: UNIT - 1, text: LENGTH_TEXT },
  ],
  [["O17"], "a chunk longer than its range", { range: `${UNIT}-${2 * UNIT - 1}/*`, body: UNIT + 1, text: LENGTH_TEXT }],
  [
    ["O17", "A7"],
    "a chunked chunk longer than its range",
    { range: `${UNIT}-${2 * UNIT - 1}/*`, body: UNIT + 1, headers: CHUNKED },
  ],
  [
    ["O17"],
    "a chunked chunk shorter than its range",
    { range: `${UNIT}-${2 * UNIT - 1}/*`, body: UNIT - 1, headers: CHUNKED },
  ],
];
for (const [ids, what, { range, body, headers = {}, text }] of WRONG)
  proves(["PUT-8", ...ids], `${what} is 400, and no file of a wrong size comes of it`, async () => {
    const session = await api.create(T);
    await put(session.url, `0-${UNIT - 1}/*`, BYTES.subarray(0, UNIT));
    const answer = await put(session.url, range, seededRandom(1).bytes(body), headers);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.headers["content-type"] ?? "", /^text\/plain/);
    assert.match(answer.text, text ?? /^Invalid request\./);
    assert.equal(textAt((await api.finalize(session.id)).json, "error", "code"), "upload_incomplete");
    assert.equal(await kept(session.url), UNIT);
    await resume(session.url, BYTES);
    await assertStored(api, session, BYTES);
  });
