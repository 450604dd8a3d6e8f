import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { proves } from "../support/proves.ts";
import { openTarget } from "../support/target.ts";

/**
 * docs/clients.md, snippet by snippet, as a reader pastes them: in one folder, with the two values that it tells to
 * set.
 */

const ROOT = join(import.meta.dirname, "../../..");
const { api } = await openTarget();
const folder = await mkdtemp(join(tmpdir(), "wharf-clients-page-"));
after(() => rm(folder, { recursive: true, force: true }));
// What `npm install openai` would bring.
await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  sh: ["sh", "-euc"],
  python: ["python3", "-c"],
  js: [process.execPath, "--input-type=module", "--eval"],
};

// Before the first test: what is waited for between two of them may end the file's hooks.
const NO_PYTHON = await promisify(execFile)("python3", ["--version"]).then(
  () => false as const,
  () => "python3 is not installed",
);
const page = await readFile(join(ROOT, "docs/clients.md"), "utf8");
const snippets = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)];

test("every snippet of the page says what it prints", () => {
  const fences = page.match(/^```\w+$/gm) ?? [];
  assert.equal(fences.length, 2 * snippets.length);
  assert.ok(snippets.length >= 5);
});

for (const [number, [, language = "", program = "", printed = ""]] of snippets.entries()) {
  const [command = "", ...args] = PROGRAMS[language] ?? [];
  proves(
    ["ALL-1", "CRE-1", "PUT-1", "PUT-9"],
    `docs/clients.md: snippet ${number + 1}, in ${language}, does what the page says`,
    async () => {
      const env = { ...process.env, WHARF_URL: api.base, WHARF_API_KEY: api.key, NO_PROXY: "*" };
      const { stdout } = await promisify(execFile)(command, [...args, program], { cwd: folder, env });
      const pattern = printed.trim().split("…").map(escaped).join("[^\n]*");
      assert.match(stdout.replaceAll("\r", "").trim(), new RegExp(`^${pattern}$`));
    },
    { skip: command === "python3" && NO_PYTHON },
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
