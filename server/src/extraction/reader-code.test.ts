import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { loadReaderCode } from "./reader-code.ts";

const LAUNCHER = join(import.meta.dirname, "launch.mjs");

/** An entry that imports one file at its start and one later, and what launch.mjs makes of code for it. */
function program(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "wharf-reader-code-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, source: string) => writeFileSync(join(folder, name), source);
  const warned: object[] = [];
  const log = { debug() {}, info() {}, warn: (fields: object) => void warned.push(fields), error() {}, fatal() {} };
  const entry = join(folder, "entry.ts");
  write("a.ts", "export const a: number = 1;\n");
  write("b.ts", 'import { a } from "./a.ts";\nexport const b: number = a + 1;\n');
  write(
    "entry.ts",
    'import { a } from "./a.ts";\nconst { b } = await import("./b.ts");\nconsole.log(a, b, import.meta.dirname);\n',
  );
  return {
    folder,
    write,
    warned,
    load: () => loadReaderCode(entry, log),
    said: async (code: Buffer) => {
      const child = spawn(process.execPath, [LAUNCHER, entry], { stdio: ["pipe", "pipe", "inherit"] });
      child.stdin.on("error", () => {}).end(code);
      return (await text(child.stdout)).trim();
    },
  };
}

test("a child needs none of its files, not even what it imports later, and knows where they were", async (t) => {
  const { folder, load, said } = program(t);
  const code = await load();
  rmSync(folder, { recursive: true });
  assert.equal(await said(code), `1 2 ${folder}`);
});

test("the code is of the files as they are at the start", async (t) => {
  const { folder, write, load, said } = program(t);
  await load();
  write("b.ts", "export const b: number = 3;\n");
  assert.equal(await said(await load()), `1 3 ${folder}`);
});

test("what cannot be bundled is told, and a child reads its files", async (t) => {
  const { folder, write, load, said, warned } = program(t);
  write("b.ts", 'export const b = 5;\nexport const later = () => import("./absent.ts");\n');
  const code = await load();
  assert.equal(warned.length, 1);
  assert.equal(await said(code), `1 5 ${folder}`);
});
