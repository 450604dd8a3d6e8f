import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Api } from "../support/api.ts";
import { dashboardLink } from "../support/dashboard.ts";
import { listAt } from "../support/json.ts";
import { seededRandom } from "../support/random.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { becomesTrue, closeBrowserAtEnd, drop, inPage, NO_BROWSER, signedIn, visitor } from "./browser.ts";
import { freePort, listening, otherOrigin } from "./other-servers.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? await ownServer() : null;

const MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/** What documents, other pages and passers-by get through a browser that is signed in. */
describe("a signed-in browser", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  let api: Api;
  let folder: string;
  before(async () => {
    assert.ok(started !== null);
    server = started;
    api = new Api(server.url, server.key);
    folder = await mkdtemp(join(tmpdir(), "wharf-safety-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("shows names, titles, tags and words that are markup as text, on every page", async () => {
    const fileId = await api.indexed(`Before ${MARKUP} after the lighthouse.`, {
      ...{ filename: `${MARKUP}.txt`, title: MARKUP, tags: ["<b>tag"], bucket: "markup", content_type: "text/plain" },
    });
    await api.settled(await api.upload(Buffer.from([0, 255, 0, 254]), { filename: `${MARKUP}.bin`, bucket: "markup" }));
    const { page, troubles } = await signedIn(server);
    for (const hash of [
      "#/",
      "#/files",
      `#/file/${fileId}`,
      "#/ask?q=lighthouse",
      "#/buckets",
      `#/ask?q=${encodeURIComponent(MARKUP)}`,
    ]) {
      await page.goto(`${server.url}/${hash}`);
      await page.locator("[data-list=newest] .upload, tbody tr, .page-text").first().waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0, hash);
      assert.notEqual(await page.title(), "owned", hash);
    }
    await page.goto(`${server.url}/#/ask?q=lighthouse`);
    await page.getByRole("button", { name: "Write an answer from these" }).click();
    await page.locator(".answer .words").waitFor();
    assert.equal(await page.locator("main img, main script").count(), 0);
    assert.deepEqual(troubles, []);
  });

  test("draws no original as a page of this origin: HTML and SVG come as a download, whatever they are called", async () => {
    const html = `<!doctype html><title>x</title><p>Words</p><script>top.document.title="owned"</script>`;
    for (const [filename, content_type] of [
      ["page.html", "text/html"],
      ["drawing.svg", "image/svg+xml"],
    ] as const) {
      const bytes = filename.endsWith("svg")
        ? `<svg xmlns="http://www.w3.org/2000/svg"><text>Words</text></svg>`
        : html;
      const fileId = await api.upload(Buffer.from(bytes), { filename, content_type });
      const { page, context } = await signedIn(server);
      const answer = await context.request.get(`${server.url}/v1/knowledge/files/${fileId}/content`);
      assert.equal(answer.status(), 200);
      assert.equal(answer.headers()["content-type"], "application/octet-stream");
      assert.equal(answer.headers()["x-content-type-options"], "nosniff");
      assert.match(answer.headers()["content-disposition"] ?? "", /^attachment/);
      const download = page.waitForEvent("download");
      await page.goto(`${server.url}/v1/knowledge/files/${fileId}/content`).catch(() => null);
      await download;
      await context.close();
    }
  });

  test("lets another origin neither read nor write, on another host, another port, or in a frame", async () => {
    const other = await otherOrigin();
    const { page, context } = await signedIn(server);
    const before = await fileCount(api);
    for (const host of ["localhost", "127.0.0.1"]) {
      const elsewhere = await context.newPage();
      await elsewhere.goto(`http://${host}:${other.port}/`);
      const said = await elsewhere.evaluate<readonly string[]>(`(async () => {
        const base = ${JSON.stringify(server.url)};
        const tries = [
          () => fetch(base + "/v1/knowledge/files", { credentials: "include" }).then((answer) => "read " + answer.status),
          () => fetch(base + "/dashboard/session", { credentials: "include" }).then((answer) => "read " + answer.status),
          () => fetch(base + "/v1/knowledge/buckets", { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: '{"slug":"stolen"}' }).then((answer) => "wrote " + answer.status),
          () => fetch(base + "/v1/knowledge/buckets", { method: "POST", mode: "no-cors", credentials: "include", body: '{"slug":"stolen"}' }).then((answer) => answer.type),
          () => new Promise((resolve) => { const frame = document.createElement("iframe"); frame.src = base + "/"; frame.onload = () => { try { resolve("framed " + frame.contentDocument?.body?.textContent); } catch { resolve("shut"); } }; document.body.append(frame); }),
          () => new Promise((resolve) => { const script = document.createElement("script"); script.src = base + "/assets/app.js"; script.onload = () => resolve("ran"); script.onerror = () => resolve("shut"); document.body.append(script); }),
        ];
        const said = [];
        for (const attempt of tries) said.push(await attempt().catch(() => "shut"));
        return said;
      })()`);
      assert.deepEqual(said.slice(0, 4), ["shut", "shut", "shut", "shut"], host);
      assert.ok(!String(said[4]).includes("Wharf"), host);
      assert.equal(said[5], "shut", host);
      await elsewhere.close();
    }
    const { json } = await api.get("/v1/knowledge/buckets");
    assert.ok(!JSON.stringify(json).includes("stolen"));
    assert.equal(await fileCount(api), before);
    await page.reload();
    await page.getByRole("heading", { name: "Drop documents" }).waitFor();
  });

  test("puts no upload URL, key or cookie into an address, the log, storage or the page", async () => {
    const { page, addresses, context } = await signedIn(server);
    const urls: string[] = [];
    page.on("response", (response) => {
      if (response.request().method() === "POST" && response.url().endsWith("/upload-session"))
        void response.json().then(
          (json: unknown) => urls.push(JSON.stringify(json)),
          () => {},
        );
    });
    const path = join(folder, "secret.txt");
    await writeFile(path, "Words of no importance.");
    await drop(page, [path]);
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
    const signature = /\/v1\/uploads\/[^/"]+\/([^"]+)"/.exec(urls.join(""))?.[1] ?? "";
    assert.ok(signature.length > 20);
    const [cookie] = await context.cookies();
    const kept = String(
      await inPage(
        page,
        "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state])",
      ),
    );
    for (const secret of [signature, cookie?.value ?? "", server.key]) {
      assert.ok(secret.length > 20);
      for (const [what, text] of Object.entries({ kept, source: await page.content(), log: server.log }))
        assert.ok(!text.includes(secret), what);
    }
    // Only the PUT of the bytes has it, and sends it to this server.
    const withIt = addresses.filter((address) => address.includes(signature));
    assert.ok(withIt.length > 0 && withIt.every((address) => address.startsWith(`${server.url}/v1/uploads/`)));
    assert.ok(addresses.every((address) => !address.includes(cookie?.value ?? "?")));
  });

  test("goes on with a half-way upload after a reload, when the same file is dropped again", async () => {
    const path = join(folder, "large.bin");
    // No text is in it: it ends failed, and quickly.
    await writeFile(path, seededRandom(1).bytes(20 * 1024 * 1024));
    const { page, context } = await signedIn(server);
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    const line = (uploadThroughput: number) =>
      devtools.send("Network.emulateNetworkConditions", {
        ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput },
      });
    await line(1_000_000);
    await drop(page, [path]);
    await becomesTrue(page, `Number(document.querySelector("[data-list=now] progress")?.value) > 0.3`);
    page.on("dialog", (dialog) => void dialog.accept());
    await page.reload();
    await line(-1);
    const halfWay = page.locator("[data-list=half-way] .upload");
    await halfWay.waitFor();
    assert.match((await halfWay.textContent()) ?? "", /large\.bin/);
    const ranges: string[] = [];
    page.on("request", (sent) => {
      if (sent.method() === "PUT") ranges.push(sent.headers()["content-range"] ?? "");
    });
    await drop(page, [path]);
    const made = page.locator("[data-list=now] .upload a");
    await made.waitFor();
    assert.match(ranges[0] ?? "", /^bytes \*\//, "it asks how much is there");
    assert.ok(!ranges.some((range) => range.startsWith("bytes 0-")), `it began anew: ${ranges.join(", ")}`);
    assert.equal(await halfWay.count(), 0);

    await page.locator("[data-list=now] .upload[data-tone=bad]").waitFor();
    await drop(page, [path]);
    await made.waitFor();
    const { json } = await api.get("/v1/knowledge/files?name=large.bin");
    assert.equal(listAt(json, "files").length, 1, "one file, however often it is dropped");
  });
});

describe("a server that goes away", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  test("is said on the page, and the page goes on by itself, with the upload, when it is back", async (t) => {
    const server = await ownServer();
    const folder = await mkdtemp(join(tmpdir(), "wharf-away-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, "meanwhile.txt");
    await writeFile(path, "written while the server was away");
    const { page } = await signedIn(server);
    const { port } = new URL(server.url);
    await server.end("SIGKILL");
    await drop(page, [path]);
    await page.getByText("The server does not answer").first().waitFor();
    await server.begin({ WHARF_PORT: port });
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
    await page.getByText("The server does not answer").first().waitFor({ state: "detached" });
  });
});

describe("below a sub-path of a proxy", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  test("the whole page works, uploads too", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-sub-path-"));
    const proxy = await subPathProxy();
    const publicUrl = `http://127.0.0.1:${proxy.port}/team/wharf`;
    const own = await freePort();
    const server = await ownServer({ WHARF_PUBLIC_URL: publicUrl, WHARF_PORT: String(own) });
    proxy.lead(own);
    t.after(async () => {
      proxy.close();
      await rm(folder, { recursive: true, force: true });
    });
    const path = join(folder, "deep.txt");
    await mkdir(folder, { recursive: true });
    await writeFile(path, "found below a sub-path");
    const { page, addresses, context, troubles } = await visitor();
    await page.goto(await dashboardLink(server));
    await page.getByRole("heading", { name: "Drop documents" }).waitFor();
    await drop(page, [path]);
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
    await page.goto(`${publicUrl}/#/ask?q=sub-path`);
    await page.locator(".page-text mark").waitFor();
    assert.equal((await context.cookies())[0]?.path, "/team/wharf");
    assert.ok(
      addresses.every((address) => address.startsWith(`${publicUrl}/`)),
      addresses.join("\n"),
    );
    assert.deepEqual(troubles, []);
  });
});

async function fileCount(api: Api): Promise<number> {
  return listAt((await api.get("/v1/knowledge/files?limit=200")).json, "files").length;
}

/** Passes on what is below /team/wharf, without that. */
async function subPathProxy() {
  let target = 0;
  const server = createServer((incoming, outgoing) => {
    if (!incoming.url?.startsWith("/team/wharf/")) return outgoing.writeHead(404).end();
    const path = incoming.url.slice("/team/wharf".length);
    const { method = "GET", headers } = incoming;
    const passed = request({ host: "127.0.0.1", port: target, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on("error", () => outgoing.destroy());
    incoming.pipe(passed);
    return undefined;
  });
  const port = await listening(server);
  return { port, lead: (to: number) => (target = to), close: () => server.closeAllConnections() };
}
