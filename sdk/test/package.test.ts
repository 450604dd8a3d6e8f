import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { launchChromium, NO_CHROMIUM } from "../../server/test/support/chromium.ts";
import { at, listAt, numberAt, shown, textAt } from "../../server/test/support/json.ts";
import { seededRandom } from "../../server/test/support/random.ts";
import { TestServer } from "../../server/test/support/server.ts";
import { CONFIG } from "../../server/test/support/target.ts";
import { findNode, installClient, type Project } from "./installed.ts";
import { type CutLine, freePort, openCutLine } from "./lines.ts";

const CUTS = 20;
const SIZE_BYTES = 25_000_000;
const random = seededRandom(CONFIG.seed);
const node20 = await findNode(20);
const node24 = await findNode(24);

/**
 * The published library, in an empty project, against a real server, its bytes over a line that is cut at 20 random
 * places.
 */
describe("the library as it is published", () => {
  let project: Project;
  let server: TestServer;
  let line: CutLine;
  let api: string;
  let page: Awaited<ReturnType<typeof openPageServer>>;
  before(async () => {
    project = await installClient();
    page = await openPageServer(project);
    line = await openCutLine();
    const port = await freePort();
    api = `http://127.0.0.1:${port}`;
    line.target = api;
    server = await TestServer.start({
      WHARF_PORT: String(port),
      WHARF_PUBLIC_URL: line.url,
      WHARF_API_ORIGINS: page.url,
    });
  });
  after(async () => {
    await server.close();
    await line.close();
    await page.close();
    await project.remove();
  });

  /** What tour.js returned, after it uploaded `bytes`. */
  async function judge(result: unknown, bytes: Uint8Array): Promise<void> {
    assert.deepEqual(line.cutAt, [], "every cut was made");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    assert.equal(textAt(result, "large", "sha256"), sha256, shown(result));
    const stored = await fetch(`${api}/v1/knowledge/files/${textAt(result, "large", "id")}/content`, {
      headers: { Authorization: `Bearer ${server.key}` },
    });
    assert.equal(
      createHash("sha256")
        .update(new Uint8Array(await stored.arrayBuffer()))
        .digest("hex"),
      sha256,
    );
    assert.equal(textAt(result, "again", "id"), textAt(result, "large", "id"), "the same file, once");
    assert.equal(textAt(result, "note", "status"), "indexed");
    assert.equal(textAt(result, "found", 0, "file_id"), textAt(result, "note", "id"));
    assert.equal(numberAt(result, "found", 0, "page"), 1);
    assert.deepEqual(listAt(result, "listed"), [textAt(result, "note", "id"), textAt(result, "large", "id")]);
    assert.equal(at(result, "answerIsWhole"), true);
    assert.deepEqual(listAt(result, "steps", 0), ["read", 0, bytes.length]);
    assert.deepEqual(listAt(result, "steps").at(-1), ["sending", bytes.length, bytes.length]);
    const expected: Readonly<Record<string, readonly [string, RegExp]>> = {
      empty: ["invalid_size", /an empty file has nothing to index/],
      noName: ["invalid_filename", /filename must have 1 to 255 characters/],
      noBucket: ["bucket_required", /Name a bucket/],
      noSuchBucket: ["bucket_assignment_failed", /do not exist or are archived/],
      noSuchFile: ["file_not_found", /There is no such file/],
      noWords: ["invalid_request", /query/],
    };
    for (const [name, [code, says]] of Object.entries(expected)) {
      assert.equal(textAt(result, "refused", name, "code"), code);
      assert.match(textAt(result, "refused", name, "message"), says);
      assert.equal(at(result, "refused", name, "isApiError"), true, name);
    }
  }

  function cutSomewhere(): Buffer {
    const places = Array.from({ length: CUTS }, () => line.passed + random.integer(1, SIZE_BYTES));
    line.cutAt = places.sort((a, b) => a - b);
    return random.bytes(SIZE_BYTES);
  }

  for (const [major, executable] of [
    [20, node20],
    [24, node24],
  ] as const)
    test(`uploads 25 MB over a line that is cut 20 times, from a path, under Node ${major}, and searches`, {
      skip: executable === null ? `no Node ${major} is installed` : false,
    }, async () => {
      const bytes = cutSomewhere();
      await writeFile(join(project.folder, `large-${major}.bin`), bytes);
      await writeFile(
        join(project.folder, `run-${major}.js`),
        `import * as client from "@wharf/client";
import { tour } from "./tour.js";
const { BASE_URL: baseUrl, API_KEY: apiKey } = process.env;
const source = "large-${major}.bin";
const result = await tour(client, { baseUrl, apiKey, source, filename: undefined, bucket: "node${major}" });
console.log(JSON.stringify(result));
`,
      );
      const env = { BASE_URL: api, API_KEY: server.key };
      await judge(JSON.parse(await project.node(executable ?? "", `run-${major}.js`, env)), bytes);
    });

  test("uploads 25 MB over a line that is cut 20 times, from a page of another origin, in Chromium, and searches", {
    skip: NO_CHROMIUM,
  }, async (t) => {
    const bytes = cutSomewhere();
    page.file = bytes;
    const opened = await openInChromium(t, page.url);
    const result = await opened.evaluate(
      `run(${JSON.stringify({ baseUrl: api, apiKey: server.key, filename: "large.bin", bucket: "page" })})`,
    );
    await judge(result, bytes);
  });

  test("has types that programs are checked against, in both ways of finding modules", async () => {
    const good = `import { ApiError, type KnowledgeFile, Wharf } from "@wharf/client";
const wharf = new Wharf({ baseUrl: "http://127.0.0.1:8686", apiKey: "sk_x" });
const file: KnowledgeFile = await wharf.files.upload("a.pdf", { bucket: "b", createMissingBuckets: true });
for await (const { status } of wharf.files.list({ bucket: "b" })) if (status === "failed") break;
for await (const event of wharf.answers.stream({ input: "?" }))
  if (event.type === "response.completed") console.log(event.response.output_text.length);
const caught: unknown = await wharf.search({ query: "x" }).catch((error: unknown) => error);
if (ApiError.is(caught, "rate_limited")) console.log(caught.status);
export const id: string = file.id;
`;
    await writeFile(join(project.folder, "good.ts"), good);
    await writeFile(join(project.folder, "bad.ts"), good.replace('"rate_limited"', '"rate_limitd"'));
    const tsc = join(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
    const check = (file: string, module: string, resolution: string) => {
      const flags = [
        "--noEmit",
        "--strict",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom,dom.asynciterable",
        "--types",
        "",
      ];
      const args = [tsc, ...flags, "--module", module, "--moduleResolution", resolution, file];
      return promisify(execFile)(process.execPath, args, { cwd: project.folder });
    };
    for (const [module, resolution] of [
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ] as const) {
      await check("good.ts", module, resolution);
      await assert.rejects(check("bad.ts", module, resolution), { stdout: /bad\.ts\(8,.*rate_limitd/ });
    }
  });

  test("has no dependencies, and nothing of Node in what a page loads", async () => {
    const manifest: unknown = JSON.parse(await readFile(join(project.installed, "package.json"), "utf8"));
    assert.equal(at(manifest, "dependencies"), undefined);
    assert.ok(page.served.size > 10, "the page has loaded it");
    for (const path of page.served) {
      assert.ok(!path.includes("node"), path);
      assert.doesNotMatch(
        await readFile(join(project.installed, "dist", path), "utf8"),
        /["']node:|\bprocess\.|\bBuffer\b/,
      );
    }
  });
});

/** Serves a page, the installed library's files beside it, and the file that it uploads. */
async function openPageServer(project: Project) {
  const served = new Set<string>();
  const state: { file: Uint8Array } = { file: new Uint8Array() };
  const html = `<!doctype html><script type="importmap">{"imports":{"@wharf/client":"/client/index.js"}}</script>
<script type="module">
import * as client from "@wharf/client";
import { tour } from "/tour.js";
window.run = async (options) => {
  const blob = await (await fetch("/file")).blob();
  return tour(client, { ...options, source: new File([blob], options.filename) });
};
document.title = "ready";
</script>`;
  const server = createServer(async (request, response) => {
    const path = normalize(request.url ?? "/");
    if (path === "/file") return void response.end(state.file);
    if (path === "/") return void response.writeHead(200, { "Content-Type": "text/html" }).end(html);
    const inClient = path.startsWith("/client/") ? path.slice("/client/".length) : null;
    if (inClient !== null) served.add(inClient);
    const file = inClient === null ? join(project.folder, path) : join(project.installed, "dist", inClient);
    const text = await readFile(file, "utf8").catch(() => null);
    if (text === null) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/javascript" }).end(text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the page's server listens on no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    served,
    set file(bytes: Uint8Array) {
      state.file = bytes;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function openInChromium(t: TestContext, url: string) {
  const browser = await launchChromium();
  t.after(() => browser.close());
  const opened = await browser.newPage();
  await opened.goto(url);
  await opened.waitForFunction('document.title === "ready"');
  return opened;
}
