import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { TestServer } from "../../server/test/support/server.ts";
import { installClient, type Project } from "./installed.ts";

const ROOT = join(import.meta.dirname, "../..");
const README = await readFile(join(ROOT, "README.md"), "utf8");
const OWN = await readFile(join(ROOT, "sdk/README.md"), "utf8");
const HANDBOOK = "Parental leave is twelve months long, and may be shared.\n";

describe("what the documents show runs as it stands", () => {
  let server: TestServer;
  let project: Project;
  let env: Record<string, string>;
  before(async () => {
    project = await installClient();
    await writeFile(join(project.folder, "handbook.md"), HANDBOOK);
    server = await TestServer.start();
    env = { WHARF_URL: server.url, WHARF_API_KEY: server.key };
  });
  after(async () => {
    await server.close();
    await project.remove();
  });

  async function runs(name: string, code: string): Promise<string> {
    await writeFile(join(project.folder, name), code);
    return project.node(process.execPath, name, env);
  }

  test("the README's way in by the command line", async () => {
    await symlink(join(ROOT, "bin"), join(project.folder, "bin"));
    const [commands = ""] = blocks(between("way in: command line"), "sh");
    const all = { ...env, PATH: process.env["PATH"] ?? "" };
    const { stdout } = await promisify(execFile)("sh", ["-ec", commands], { cwd: project.folder, env: all });
    assert.match(stdout, /handbook\.md is indexed and searchable/);
    assert.match(stdout, /Parental leave is twelve months long/);
  });

  test("the README's way in by the library", async () => {
    const [code = ""] = blocks(between("way in: library"), "js");
    assert.match(await runs("way-in.js", code), /^handbook\.md 1 .*Parental leave/);
  });

  test("all of the library's own page, from its beginning to its end", async () => {
    const shown = blocks(OWN, "js");
    assert.ok(shown.length >= 5);
    const said = await runs("page.js", shown.join("\n"));
    for (const words of [
      /handbook\.md, page 1: .*Parental/,
      /^active 0$/m,
      /canteen\.txt indexed/,
      /opens at noon/,
      /nowhere/,
    ])
      assert.match(said, words);
  });

  test("the library's own page names every method, and no other", () => {
    const table = OWN.slice(OWN.indexOf("## Everything else"), OWN.indexOf("Lists are walked"));
    for (const [, name = "", methods = ""] of table.matchAll(
      /`wharf\.(files|batches|answers|buckets|tasks)` \| `([^`]+)`/g,
    ))
      assert.deepEqual(methods.split(" ").sort(), METHODS[name], name);
  });
});

const METHODS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(await publicMethods());

async function publicMethods() {
  const { Wharf } = await import("../src/node.ts");
  const wharf = new Wharf({ baseUrl: "http://127.0.0.1:1", apiKey: "sk_x" });
  const parts = {
    files: wharf.files,
    batches: wharf.batches,
    answers: wharf.answers,
    buckets: wharf.buckets,
    tasks: wharf.tasks,
  };
  return Object.entries(parts).map(([name, part]) => {
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(part));
    return [name, own.filter((method) => method !== "constructor").sort()] as const;
  });
}

/** What stands between `<!-- name -->` and `<!-- /name -->` of the README. */
function between(name: string): string {
  const [, rest = ""] = README.split(`<!-- ${name} -->\n`);
  const [part = ""] = rest.split(`<!-- /${name} -->`);
  assert.ok(part !== "", name);
  return part;
}

function blocks(text: string, language: string): readonly string[] {
  return text
    .split(`\`\`\`${language}\n`)
    .slice(1)
    .map((rest) => rest.split("\n```")[0] ?? "");
}
