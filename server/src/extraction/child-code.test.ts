import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadChildCode, type Sources } from "./child-code.ts";
import { ExtractorTrouble } from "./extractor.ts";

/** An entry that imports one file at its start and one later, and a folder to keep code in. */
function program(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "wharf-child-code-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const keepIn = join(folder, "kept");
  mkdirSync(keepIn);
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("entry.ts", 'import { a } from "./a.ts";\nexport const b = async () => (await import("./b.ts")).b + a;\n');
  write("a.ts", "export const a: number = 1;\n");
  write("b.ts", 'import { a } from "./a.ts";\nexport const b: number = a;\n');
  const stripped: (readonly string[])[] = [];
  const strip = async (sources: Sources) => {
    stripped.push(Object.keys(sources).map((url) => url.slice(url.lastIndexOf("/") + 1)));
    return sources;
  };
  const load = (where: string | undefined = keepIn) =>
    loadChildCode(join(folder, "entry.ts"), { keepIn: where, strip });
  return { load, stripped, write, keepIn };
}

test("a child's code is stripped once: the next starts find what it was kept as", async (t) => {
  const { load, stripped, keepIn } = program(t);
  const first = await load();
  assert.deepEqual(stripped, [["entry.ts", "b.ts", "a.ts"]]);
  assert.ok(first.equals(await load()));
  assert.equal(stripped.length, 1);
  assert.equal(readdirSync(keepIn).length, 1);
});

test("a child's code that has changed is stripped anew, and the old one goes", async (t) => {
  const { load, stripped, write, keepIn } = program(t);
  await load();
  // As long as before, in the same second: what counts is what it says.
  write("b.ts", 'import { a } from "./a.ts";\nexport const b: number = 2;\n');
  assert.match((await load()).toString("latin1"), /number = 2/);
  assert.equal(stripped.length, 2);
  assert.equal(readdirSync(keepIn).length, 1);
});

test("kept code of which a power cut left a part is not run", async (t) => {
  const { load, stripped, keepIn } = program(t);
  const whole = await load();
  for (const name of readdirSync(keepIn)) truncateSync(join(keepIn, name), whole.length);
  assert.ok(whole.equals(await load()));
  assert.equal(stripped.length, 2);
});

test("where nothing can be kept, a start strips a child's code and goes on", async (t) => {
  const { load, stripped, keepIn } = program(t);
  await load(join(keepIn, "absent"));
  await load(join(keepIn, "absent"));
  assert.equal(stripped.length, 2);
});

test("an entry that cannot be read is trouble of the machine", async (t) => {
  const { keepIn } = program(t);
  await assert.rejects(loadChildCode(join(keepIn, "absent.ts"), { keepIn }), ExtractorTrouble);
});
