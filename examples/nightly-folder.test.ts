import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FILES } from "../server/test/support/api.ts";
import { listAt, textAt } from "../server/test/support/json.ts";
import { EXAMPLES, ExampleServer, missing, ownFolder, type Ran } from "./test-run.ts";

const NO_CURL = await missing("curl", ["--version"]);
const LARGE = `${"words in the hold ".repeat(60_000)}the anchor weighs nine tons`;
const NAMES = ["plain.txt", "with space & é.txt", 'quo"te\\.txt', "sub/below.txt", "large.txt"];

test("nightly-folder.sh: every file once, resumed after a cut; again nothing; what changed replaces what was", {
  skip: NO_CURL,
}, async () => {
  const server = await ExampleServer.start(700_000);
  const folder = await ownFolder();
  await mkdir(join(folder, "sub"));
  await mkdir(join(folder, ".hidden"));
  for (const name of NAMES) await writeFile(join(folder, name), name === "large.txt" ? LARGE : `the text of ${name}`);
  await writeFile(join(folder, ".hidden/secret.txt"), "nobody wants this");
  const run = () => server.run("sh", [join(EXAMPLES, "nightly-folder.sh"), folder, "nightly"]);

  const first = await run();
  assert.deepEqual(wordsOf(first), Object.fromEntries(NAMES.map((name) => [name, "uploaded"])), first.stderr);
  assert.equal(first.exitCode, 0);
  assert.equal(server.proxy.cuts, 1);
  const files = await filesIn(server);
  assert.equal(files.length, NAMES.length);

  const second = await run();
  assert.deepEqual(wordsOf(second), Object.fromEntries(NAMES.map((name) => [name, "unchanged"])), second.stderr);
  assert.deepEqual(await filesIn(server), files);

  await writeFile(join(folder, "plain.txt"), "another text of plain");
  const third = await run();
  assert.equal(wordsOf(third)["plain.txt"], "replaced", third.stdout);
  assert.equal((await filesIn(server)).length, NAMES.length);
  const found = listAt((await server.api.search({ query: "plain", bucket: "nightly" })).json, "results");
  assert.deepEqual(
    found.map((result) => textAt(result, "text")),
    ["another text of plain"],
  );
  assert.ok(!`${first.stdout}${first.stderr}${third.stdout}`.includes(server.api.key));
});

test("nightly-folder.sh: a file that cannot be is one line with its reason, and does not hold up the others", {
  skip: NO_CURL,
}, async () => {
  const server = await ExampleServer.start(Number.MAX_SAFE_INTEGER);
  const folder = await ownFolder();
  await writeFile(join(folder, "empty.txt"), "");
  await writeFile(join(folder, "broken.pdf"), "%PDF-1.7 and nothing else");
  await writeFile(join(folder, "new\nline.txt"), "a text");
  await writeFile(join(folder, "well.txt"), "a text that is well");
  const run = () => server.run("sh", [join(EXAMPLES, "nightly-folder.sh"), folder, "nightly"]);
  for (const word of ["uploaded", "unchanged"]) {
    const ran = await run();
    assert.equal(ran.exitCode, 1, ran.stderr);
    assert.match(ran.stdout, /\tfailed\tempty\.txt\tinvalid_size: /);
    assert.match(ran.stdout, /\tfailed\tbroken\.pdf\tfile_\w+: corrupt_file: /);
    assert.match(ran.stdout, /\tfailed\tnew\?line\.txt\tits name holds a control character\n/);
    assert.equal(wordsOf(ran)["well.txt"], word);
  }
  // Deleted by somebody: it does not come back by itself, and is said.
  const [well] = await filesIn(server, "indexed");
  await server.api.deleteFile(well ?? "");
  assert.match((await run()).stdout, /\tfailed\twell\.txt\tfile_\w+ was deleted on the server/);

  await rm(join(folder, "empty.txt"));
  const unknown = await server.run("sh", [join(EXAMPLES, "nightly-folder.sh"), folder, "nightly"], {
    WHARF_API_KEY: "sk_no",
  });
  assert.deepEqual([unknown.exitCode, unknown.stdout], [2, ""]);
  assert.match(unknown.stderr, /invalid_api_key/);
  assert.equal((await server.run("sh", [join(EXAMPLES, "nightly-folder.sh")])).exitCode, 2);
});

/** Path → what became of it. */
function wordsOf({ stdout }: Ran): Readonly<Record<string, string>> {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => line.split("\t")).map(([, word = "", path = ""]) => [path, word]));
}

async function filesIn({ api }: ExampleServer, status?: string): Promise<readonly string[]> {
  const more = status === undefined ? "" : `&status=${status}`;
  const { json } = await api.get(`${FILES}?bucket=nightly&limit=200${more}`);
  return listAt(json, "files").map((file) => textAt(file, "id"));
}
