import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { GCS_ROWS } from "./gcs-rows.ts";
import { CONTRACT, EMBEDDED_ONLY, LATER, requirementsInScope } from "./requirements.ts";

const ROOT = join(import.meta.dirname, "../..");
const LITERAL = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
const CONTRACT_ID = /\b(?:ALL|CRE|IDE|LIM|PUT|FIN|POL|BAT|AGT|BUC|FIL|CON|LST)-\d+\b/g;
const ROW_ID = /[SPKQOXLAC]\d+/;

test("every sentence in scope is cited by at least one test", async () => {
  const cited = await citations();
  const missing = requirementsInScope().filter(([id]) => !cited.has(id));
  assert.deepEqual(missing, []);
});

test("every id that a test cites exists", async () => {
  const known = new Set(Object.keys({ ...CONTRACT, ...GCS_ROWS }));
  const unknown = [...(await citations())]
    .filter(([id]) => !known.has(id))
    .map(([id, files]) => `${id} in ${files[0]}`);
  assert.deepEqual(unknown, []);
});

for (const [page, ids] of [
  ["docs/contract.md", Object.keys(CONTRACT)],
  ["docs/byte-endpoint.md", Object.keys(GCS_ROWS)],
] as const)
  test(`every id is in ${page}, for whoever wants to know more`, async () => {
    const words = new Set((await readFile(join(ROOT, page), "utf8")).match(/[\w-]+/g));
    assert.deepEqual(
      ids.filter((id) => !words.has(id)),
      [],
    );
  });

test("what is put off or skipped on Google's URLs is a known sentence", () => {
  const known = new Set(Object.keys({ ...CONTRACT, ...GCS_ROWS }));
  const named = [...Object.keys(LATER), ...EMBEDDED_ONLY];
  assert.deepEqual(
    named.filter((id) => !known.has(id)),
    [],
  );
});

/**
 * Id → files that cite it: a contract id anywhere in a string of a test file; a row's id (too short to be told from
 * other text) only alone in a string, or in a list in parentheses at the end of a name.
 */
async function citations(): Promise<Map<string, string[]>> {
  const cited = new Map<string, string[]>();
  const cite = (id: string, path: string) => cited.set(id, [...(cited.get(id) ?? []), path]);
  for await (const path of glob(["server/**/*.test.ts", "server/**/*.conformance.ts", "cli/**/*.test.ts"], {
    cwd: ROOT,
  })) {
    const source = await readFile(join(ROOT, path), "utf8");
    for (const [literal] of source.matchAll(LITERAL)) {
      const text = literal.slice(1, -1);
      for (const [id] of text.matchAll(CONTRACT_ID)) cite(id, path);
      const list = /\(([^()]*)\)$/.exec(text)?.[1] ?? text;
      for (const part of list.split(", ")) if (ROW_ID.exec(part)?.[0] === part) cite(part, path);
    }
  }
  return cited;
}
