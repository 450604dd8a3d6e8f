import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { SETTINGS } from "../server/src/config.ts";
import { CATALOGUE, FILE_ERRORS } from "../server/src/errors.ts";
import { errorsPage, settingsTable } from "./generate-docs.ts";
import { replaceBetween } from "./generated-file.ts";

test("the page of errors has every code, and the table of settings every setting", () => {
  const page = errorsPage();
  for (const [code, { status }] of Object.entries(CATALOGUE))
    assert.ok(page.includes(`| \`${code}\` | ${status} |`), code);
  for (const code of Object.keys(FILE_ERRORS)) assert.ok(page.includes(`| \`${code}\` |`), code);
  const table = settingsTable();
  for (const { env, flag } of Object.values(SETTINGS)) assert.ok(table.includes(`| \`${env}\` | \`${flag} <`), env);
});

test("only what stands between the marks is replaced", () => {
  const page = "# A\n<!-- t -->\nold\n<!-- /t -->\nend\n";
  assert.equal(replaceBetween(page, "t", "new"), "# A\n<!-- t -->\n\nnew\n\n<!-- /t -->\nend\n");
  assert.equal(replaceBetween(replaceBetween(page, "t", "new"), "t", "new"), replaceBetween(page, "t", "new"));
  assert.equal(replaceBetween(page, "other", "new"), page);
});

test("checking says which file is stale, ends with 1 and changes nothing; generating repairs it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wharf-generated-"));
  try {
    const path = join(folder, "page.md");
    await writeFile(path, "old");
    const module = join(import.meta.dirname, "generated-file.ts");
    const keep = (check: boolean) =>
      promisify(execFile)(process.execPath, [
        "--input-type=module",
        "--eval",
        `import { keepGenerated } from ${JSON.stringify(module)}; await keepGenerated(${JSON.stringify(path)}, () => "new", ${check});`,
      ]);
    await assert.rejects(keep(true), { code: 1, stderr: /page\.md is not what it is generated from/ });
    assert.equal(await readFile(path, "utf8"), "old");
    await keep(false);
    assert.equal(await readFile(path, "utf8"), "new");
    await keep(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
