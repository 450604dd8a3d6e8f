import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkCitations } from "./check-citations.ts";

const PAGES = {
  "docs/contract.md": "## 1. Rules\n\nALL-1 All.\n\n## 12. Fine print\n\nPUT-19 Slow.\n",
  "docs/byte-endpoint.md": "## 5. Order\n\n| K5 | No Location. |\n",
  "docs/decisions/0007-turns.md": "# 0007",
  "README.md": "See docs/contract.md.",
} as const;

async function judge(comment: string): Promise<readonly string[]> {
  const root = await mkdtemp(join(tmpdir(), "wharf-citations-"));
  try {
    for (const [path, text] of Object.entries({ ...PAGES, "server/src/x.ts": `${comment}\n` })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return await checkCitations(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const REFUSED: readonly (readonly [what: string, comment: string, says: RegExp])[] = [
  ["a section that is not there", "// (contract §13)", /§13, which docs\/contract\.md does not have/],
  ["a bare one", "/** The tombstone (§3). */", /§3, which docs\/contract\.md/],
  ["one of the byte end-point", "// byte-endpoint §12", /§12, which docs\/byte-endpoint\.md/],
  ["a section of another page", "// design §9", /a page that is not in this repository/],
  ["an id that is not there", "// PUT-1 says so", /PUT-1, which docs\/contract\.md/],
  ["a row that is not there", "// byte-endpoint §5, rows K5, K6", /row K6/],
  ["a decision that is not there", "// (decision 0008)", /decision 0008, and there is none/],
  ["a page that is not there", "// docs/design.md has it", /docs\/design\.md, which is not there/],
  ["a page by its name alone", " * as reliability.md says", /reliability\.md, which is not there/],
];

for (const [what, comment, says] of REFUSED)
  test(`a citation leads somewhere: ${what} is refused`, async () => {
    const [fault = "", ...more] = await judge(comment);
    assert.match(fault, says);
    assert.match(fault, /^server\/src\/x\.ts:1 /);
    assert.deepEqual(more, []);
  });

test("citations that lead somewhere, and other standards' sections, pass", async () => {
  const comment = `/**
 * ALL-1 and PUT-19, contract §1, §12; byte-endpoint §5, rows K5 (decision 0007, docs/decisions/0007-turns.md).
 * RFC 9110 §10.1.1. UTF-16.
 */
const name = "notes.md";`;
  assert.deepEqual(await judge(comment), []);
});
