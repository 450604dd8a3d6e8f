import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { FILES } from "../support/api.ts";
import { listAt, objectAt, shown } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * Metadata is anybody's: its names and values mean nothing to SQL, to JSON paths, to URLs or to JavaScript's objects.
 */

const { api } = await openTarget();
const WORD = `walrus${randomUUID().replaceAll("-", "")}`;

const PAIRS: Readonly<Record<string, string | number | null>> = {
  $: "1",
  "$.x": "2",
  "a.b": "3",
  'q"': "4",
  "]": "5",
  "a' OR 1=1 --": "6",
  "%": "7",
  "a=b&c": "8",
  constructor: "9",
  toString: "10",
  hasOwnProperty: "11",
  prototype: "12",
  toJSON: "13",
  "": "14",
  "\u2028": "15",
  ["k".repeat(500)]: "16",
  "two\nlines": "17",
  "\\": "18",
  "metadata.x": "19",
  __proto: "20",
  valueOf: 0.1,
  zero: 0,
  none: null,
  // Names are compared after NFC (§12), so a file has one of the spellings.
  é: "composed",
  "\u{1f600}": "21",
};

proves(["ALL-7", "ALL-9"], "each odd name finds its own value and no other, in search and in lists", async () => {
  const fileId = await api.indexed(WORD, { metadata: { ...PAIRS, deep: { a: [{ b: [[[1]]] }] } } });
  await api.indexed(`${WORD} again`, { metadata: { other: 1 } });
  const stored = objectAt((await api.file(fileId)).json, "metadata");
  assert.deepEqual(stored, { ...PAIRS, deep: { a: [{ b: [[[1]]] }] } });
  const pairs = Object.entries(PAIRS);
  for (const [index, [name, value]] of pairs.entries()) {
    const another = pairs[(index + 1) % pairs.length]?.[1];
    assert.deepEqual(await searched({ [name]: value }), [fileId], `search for ${shown(name)}`);
    assert.deepEqual(await searched({ [name]: another }), [], `search for another ${shown(name)}`);
    assert.deepEqual(await listed(name, value), [fileId], `list of ${shown(name)}`);
    assert.deepEqual(await listed(name, another), [], `list of another ${shown(name)}`);
  }
});

proves(["ALL-9"], "a filter of another shape is refused or finds nothing, and reaches no prototype", async () => {
  const bodies: readonly (readonly [body: string, status: number])[] = [
    [`{"query":"${WORD}","filters":{"metadata":{"__proto__":"x"}}}`, 400],
    [`{"query":"${WORD}","filters":{"__proto__":{"tags":["x"]}}}`, 400],
    [`{"query":"${WORD}","filters":{"metadata":{"\\u005f_proto__":"x"}}}`, 400],
    [`{"query":"${WORD}","filters":{"metadata":{"$":{"$ne":1}}}}`, 400],
    [`{"query":"${WORD}","filters":{"metadata":[["$","1"]]}}`, 400],
    [`{"query":"${WORD}","filters":{"tags":{"$gt":""}}}`, 400],
    [`{"query":{"$ne":1}}`, 400],
    [`{"query":["${WORD}"]}`, 400],
    [`{"query":"${WORD}","bucket":{"$gt":""}}`, 400],
    [`{"query":"${WORD}","limit":"1"}`, 400],
    [`{"query":"${WORD}","constructor":{"prototype":{"limit":1}}}`, 200],
    [`\ufeff{"query":"${WORD}"}`, 200],
    [`{"query":"${WORD}"}{"query":"x"}`, 400],
  ];
  for (const [rawBody, status] of bodies) {
    const answer = await api.call("POST", "/v1/knowledge/search", { rawBody });
    assert.equal(answer.status, status, `${rawBody}: ${shown(answer.json)}`);
    if (status === 200) assert.equal(listAt(answer.json, "results").length, 2, rawBody);
  }
});

async function searched(metadata: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  const { json } = await api.search({ query: WORD, filters: { metadata } });
  return listAt(json, "results")
    .map((result) => objectAt(result))
    .map((result) => Reflect.get(result, "file_id"));
}

async function listed(name: string, value: unknown): Promise<readonly unknown[]> {
  const query = `metadata.${encodeURIComponent(name)}=${encodeURIComponent(JSON.stringify(value))}`;
  const { json } = await api.get(`${FILES}?bucket=${api.bucket}&${query}`);
  return listAt(json, "files").map((file) => Reflect.get(objectAt(file), "id"));
}
