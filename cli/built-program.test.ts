import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { docxFile, paragraph } from "../server/src/extraction/fixtures/office-files.ts";
import { pdfFile } from "../server/src/extraction/fixtures/pdf-file.ts";
import { Api } from "../server/test/support/api.ts";
import { inheritedEnvironment } from "../server/test/support/config.ts";
import { listAt, objectAt, shown, textAt, wholeJson } from "../server/test/support/json.ts";
import { temporaryFolder } from "./test-support.ts";

/** A server as bin/wharf runs it. */
async function serve(t: TestContext) {
  const dataDir = join(await temporaryFolder(t), "data");
  const argv = [join(import.meta.dirname, "../bin/wharf"), "serve", "--port", "0", "--data-dir", dataDir, "--json"];
  const server = spawn(process.execPath, argv, { env: inheritedEnvironment(), stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => server.kill("SIGKILL"));
  let printed = "";
  for await (const piece of server.stdout) {
    printed += piece;
    if (wholeJson(printed) !== undefined) break;
  }
  const started = wholeJson(printed);
  return { server, api: new Api(textAt(started, "url"), textAt(started, "first_key", "key")) };
}

// Everything else is tested from the source. What is built differs where code asks for its place, its packages, a
// thread or a process, and where it is loaded late: all of that is here.
test("the built program reads, finds, describes itself and stops as its source does", async (t) => {
  const { server, api } = await serve(t);
  await api.indexed(pdfFile({ pages: ["The pilot boards at the outer buoy."] }), {
    filename: "a.pdf",
    content_type: "application/pdf",
  });
  await api.indexed(docxFile(paragraph("Der Lotse kommt an der Tonne an Bord.")), { filename: "b.docx" });
  await api.indexed(Buffer.from("Schiffe über vierzig Meter nehmen einen Lotsen.", "latin1"), { filename: "c.txt" });

  const found = await api.search({ query: "pilot buoy", bucket: api.bucket });
  assert.match(shown(listAt(found.json, "results")[0]), /The pilot boards/);
  const asked = await api.call("POST", "/v1/responses", { body: { input: "Who boards at the outer buoy?" } });
  assert.equal(asked.status, 200, shown(asked.json));
  assert.equal((await api.search({ query: 5 })).status, 400);

  const described = await api.get("/openapi.json");
  assert.ok("/v1/knowledge/search" in objectAt(described.json, "paths"));
  assert.match((await api.get("/")).text, /<!doctype html>/i);
  assert.equal((await api.get("/assets/pdfium.wasm")).status, 200);
  assert.equal((await api.get("/docs/static/swagger-ui.css")).status, 200);
  const body = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
  const tools = await api.call("POST", "/mcp", { body, headers: { Accept: "application/json, text/event-stream" } });
  assert.match(tools.text, /"search/);

  const ended = once(server, "exit");
  server.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
});
