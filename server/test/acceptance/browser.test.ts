import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { after } from "node:test";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { assertStored, UNIT } from "../support/bytes.ts";
import { launchChromium, NO_CHROMIUM } from "../support/chromium.ts";
import { at, numberAt, shown, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, openTarget } from "../support/target.ts";

/** A real Chromium, with a page on another origin than the server's. */

const skip = NO_CHROMIUM;
const { api, url } = await openTarget();
const BYTES = seededRandom(CONFIG.seed).bytes(5 * UNIT + 777);
const T = BYTES.length;
const page = skip === false ? await openPage() : null;

proves(
  ["PUT-1", "PUT-15", "C1", "C5"],
  "a page uploads a whole file with fetch",
  async () => {
    const session = await api.create(T);
    const result = await inPage("fetch", session.url);
    assert.equal(textAt(result, "size"), String(T), shown(result));
    await assertStored(api, session, BYTES);
  },
  { skip },
);

for (const chunkBytes of [UNIT, 2 * UNIT, UNIT + 1000])
  proves(
    ["PUT-2", "PUT-15", "C6"],
    `a page uploads in chunks of ${chunkBytes} bytes and reads each Range`,
    async () => {
      const session = await api.create(T);
      const result = await inPage("chunks", session.url, chunkBytes);
      assert.equal(textAt(result, "size"), String(T), shown(result));
      assert.match(textAt(result, "ranges", 0), /^bytes=0-\d+$/);
      await assertStored(api, session, BYTES);
    },
    { skip },
  );

proves(
  ["PUT-1", "C5"],
  "@uppy/xhr-upload uploads",
  async () => {
    const session = await api.create(T);
    const result = await inPage("uppy", session.url);
    assert.equal(numberAt(result, "successful"), 1, shown(result));
    assert.equal(textAt(result, "size"), String(T));
    await assertStored(api, session, BYTES);
  },
  { skip },
);

proves(
  ["PUT-2", "C6", "K9"],
  "@mux/upchunk uploads",
  async () => {
    const session = await api.create(T);
    const result = await inPage("upchunk", session.url);
    assert.equal(at(result, "done"), true, shown(result));
    await assertStored(api, session, BYTES);
  },
  { skip },
);

proves(
  ["C8", "C9", "A16"],
  "a page reads refusals, of a live URL and of a dead one",
  async () => {
    const wrong = await api.create(T + 1);
    const refused = await inPage("refusal", wrong.url);
    assert.equal(numberAt(refused, "status"), 400);
    assert.match(textAt(refused, "text"), /^Invalid request\./);
    assert.equal(numberAt(await inPage("refusal", `${wrong.url}x`), "status"), 404);
  },
  { skip },
);

proves(
  ["C8"],
  "a page cannot use the API with a key",
  async () => {
    assert.equal(await inPage("api", url, api.key), "refused by the browser");
  },
  { skip },
);

async function openPage(): Promise<Page> {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, "browser-page.js")],
    bundle: true,
    format: "iife",
    write: false,
    logLevel: "silent",
  });
  const script = bundle.outputFiles[0]?.text ?? "";
  const server = createServer((request, response) => {
    if (request.url === "/file") response.end(BYTES);
    else if (request.url === "/page.js") response.writeHead(200, { "Content-Type": "text/javascript" }).end(script);
    else
      response.writeHead(200, { "Content-Type": "text/html" }).end('<!doctype html><script src="/page.js"></script>');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the page's server listens on no port");
  const browser = await launchChromium();
  after(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });
  const opened = await browser.newPage();
  await opened.goto(`http://127.0.0.1:${address.port}/`);
  return opened;
}

async function inPage(upload: string, ...args: readonly (string | number)[]): Promise<unknown> {
  assert.ok(page !== null);
  return page.evaluate(`uploads[${JSON.stringify(upload)}](...${JSON.stringify(args)})`);
}
