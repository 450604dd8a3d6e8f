import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pdfFile } from "../server/src/extraction/fixtures/pdf-file.ts";
import { FILES } from "../server/test/support/api.ts";
import { listAt } from "../server/test/support/json.ts";
import { EXAMPLES, ExampleServer, missing, ownFolder } from "./test-run.ts";

const RECENT = "import sys; sys.exit(sys.version_info < (3, 9))";
const NO_PYTHON =
  (await missing("python3", ["-c", RECENT])) === false ? false : "python3 of 3.9 or newer is not installed";

test("find_in_document.py: uploads in parts, goes on after a cut, waits, and finds the passage with file and page", {
  skip: NO_PYTHON,
}, async () => {
  const server = await ExampleServer.start(700_000);
  const folder = await ownFolder();
  const find = (...args: string[]) => server.run("python3", [join(EXAMPLES, "find_in_document.py"), ...args]);

  const large = join(folder, "hold.txt");
  await writeFile(large, `${"words in the hold ".repeat(200_000)}\n\nThe anchor weighs nine tons.`);
  const first = await find(large, "ships", "how heavy is the anchor");
  assert.equal(first.exitCode, 0, first.stderr);
  assert.match(first.stdout, /^hold\.txt, page 1: .*The anchor weighs nine tons\./);
  assert.equal(server.proxy.cuts, 1);
  const second = await find(large, "ships", "how heavy is the anchor");
  assert.equal(second.stdout, first.stdout);
  assert.equal(listAt((await server.api.get(`${FILES}?bucket=ships`)).json, "files").length, 1);

  const pages = join(folder, "rules.pdf");
  await writeFile(pages, pdfFile({ pages: ["Fees are due at noon.", "Ships need a pilot."] }));
  assert.equal((await find(pages, "ships", "who needs a pilot")).stdout, "rules.pdf, page 2: Ships need a pilot.\n");
});

test("find_in_document.py: what cannot be is one sentence and exit code 1", { skip: NO_PYTHON }, async () => {
  const server = await ExampleServer.start(Number.MAX_SAFE_INTEGER);
  const folder = await ownFolder();
  const broken = join(folder, "broken.pdf");
  await writeFile(broken, "%PDF-1.7 and nothing else");
  const script = join(EXAMPLES, "find_in_document.py");
  const ran = await server.run("python3", [script, broken, "ships", "anything"]);
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stderr, /^broken\.pdf is not searchable: \S/);
  const refused = await server.run("python3", [script, broken, "ships", "a"], { WHARF_API_KEY: "sk_no" });
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /^invalid_api_key: /);
  assert.equal((await server.run("python3", [script])).exitCode, 2);
});
