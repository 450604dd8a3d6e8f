import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { Api } from "../support/api.ts";
import { dashboardLink } from "../support/dashboard.ts";
import { listAt, textAt } from "../support/json.ts";
import { seededRandom } from "../support/random.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { closeBrowserAtEnd, drop, inPage, NO_BROWSER, signedIn, visitor } from "./browser.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? await ownServer() : null;

const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true }).waitFor();

/** Pages stay open while people come and go, and servers have moments without time. */
describe("a page that is open", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  before(() => {
    assert.ok(started !== null);
    server = started;
  });

  test("takes a link that is pasted into its own address, out of the address and the history, and says so when it is used", async () => {
    const { page, context } = await visitor();
    await page.goto(`${server.url}/`);
    await heading(page, "Sign in");
    const link = await dashboardLink(server);
    await inPage(page, `location.href = ${JSON.stringify(link)}; true`);
    await heading(page, "Drop documents");
    assert.equal(new URL(page.url()).hash, "#/");
    assert.ok((await context.cookies())[0]?.httpOnly === true);
    await page.goBack();
    assert.ok(!page.url().includes("link="));
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading(page, "Sign in");
    await inPage(page, `location.href = ${JSON.stringify(link)}; true`);
    assert.match((await page.getByRole("alert").textContent()) ?? "", /This link has been used/);
    assert.ok(!page.url().includes("link="));
  });

  test("shows and sends nothing of one team when another signs in on it", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-teams-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "ours-alone.txt"), "Words of one team.");
    const theirKey = await server.mintKey("neighbours");
    const { page } = await visitor();
    await page.goto(`${server.url}/`);
    const signIn = async (key: string) => {
      await page.getByLabel("API key").fill(key);
      await page.keyboard.press("Enter");
      await heading(page, "Drop documents");
    };
    await signIn(server.key);
    await drop(page, [join(folder, "ours-alone.txt")]);
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(theirKey);
    await new Api(server.url, theirKey).upload(Buffer.from("Theirs."), { filename: "theirs.txt" });
    await page.locator("[data-list=newest]").getByText("theirs.txt").waitFor();
    assert.ok(!(await page.content()).includes("ours-alone"));
    // And by a link, without a sign-out between.
    await inPage(page, `location.href = ${JSON.stringify(await dashboardLink(server))}; true`);
    await page.locator("[data-list=newest]").getByText("ours-alone.txt").waitFor();
    assert.ok(!(await page.content()).includes("theirs.txt"));
  });

  test("that is one of two tabs says so when the other signs in for another team, and shows and sends nothing as that", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-tabs-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "half-sent.bin"), seededRandom(2).bytes(8 * 1024 * 1024));
    const theirKey = await server.mintKey("tab-neighbours");
    const theirs = new Api(server.url, theirKey);
    await theirs.upload(Buffer.from("Theirs."), { filename: "secret-of-theirs.txt" });
    const { page, context } = await signedIn(server);
    await page.getByText("default", { exact: true }).waitFor();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 400_000 };
    await devtools.send("Network.emulateNetworkConditions", slow);
    await drop(page, [join(folder, "half-sent.bin")]);
    await page.getByText(/^Sending/).waitFor();
    const seen: string[] = [];
    page.on("response", (response) => {
      if (response.status() === 200 && /\/v1\/knowledge\//.test(response.url()))
        void response.text().then(
          (text) => seen.push(text),
          () => {},
        );
    });

    const other = await context.newPage();
    await other.goto(await dashboardLink(server, undefined, "tab-neighbours"));
    await other.locator("[data-list=newest]").getByText("secret-of-theirs.txt").waitFor();
    await page.getByText(/In another tab, this browser was signed in for the team tab-neighbours/).waitFor();
    assert.ok(!(await page.content()).includes("secret-of-theirs"));
    assert.ok(!seen.join("").includes("secret-of-theirs"), "not even asked for");
    await devtools.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
    const { json } = await theirs.get("/v1/knowledge/files/upload-sessions");
    assert.deepEqual(
      listAt(json, "sessions").map((session) => textAt(session, "status")),
      ["finalized"],
    );

    await page.getByRole("button", { name: "Go on here as tab-neighbours" }).click();
    await page.locator("[data-list=newest]").getByText("secret-of-theirs.txt").waitFor();
    assert.ok(!(await page.content()).includes("half-sent"));
  });

  test("goes on when another tab signs in anew for the same team", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-tabs-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "same-team.txt"), "Words of the same team.");
    const { page, context } = await signedIn(server);
    const other = await context.newPage();
    await other.goto(await dashboardLink(server));
    await heading(other, "Drop documents");
    await drop(page, [join(folder, "same-team.txt")]);
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
    await heading(page, "Drop documents");
  });

  test("waits as long as the server asks, with reads and with uploads, and says so", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-busy-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "patient.txt"), "Patience is told of.");
    const { page, context } = await signedIn(server);
    const asked: number[] = [];
    const busy = (status: number, seconds: string) => ({
      status,
      headers: { "Retry-After": seconds, "Content-Type": "application/json" },
      body: JSON.stringify({ error: { code: "overloaded", message: "No time.", retryable: true, details: {} } }),
    });
    await context.route("**/v1/knowledge/buckets?*archived*", (route) => {
      asked.push(performance.now());
      return asked.length === 1 ? route.fulfill(busy(503, "3")) : route.continue();
    });
    await page.getByRole("link", { name: "Buckets", exact: true }).click();
    await page.getByText(/asks to wait 3 s/).waitFor();
    await page
      .getByRole("button", { name: /^Archive: / })
      .first()
      .waitFor();
    assert.equal(asked.length, 2);
    assert.ok(Number(asked[1]) - Number(asked[0]) >= 3000, `asked at ${asked.join(", ")}`);
    await page.getByText(/asks to wait/).waitFor({ state: "detached" });

    let creates = 0;
    await context.route("**/upload-session", (route) =>
      creates++ === 0 ? route.fulfill(busy(429, "2")) : route.continue(),
    );
    await page.getByRole("link", { name: "Drop", exact: true }).click();
    await drop(page, [join(folder, "patient.txt")]);
    await page.getByText("The server takes the next one in 2 s").waitFor();
    await page.locator("[data-list=now] .upload[data-tone=good]").waitFor();
  });

  test("says what to do when the browser did not keep the cookie, as at another address than the server's own", async () => {
    const { page, context } = await visitor();
    await context.route("**/dashboard/session", async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      const response = await route.fetch();
      const { "set-cookie": _, ...headers } = response.headers();
      await context.clearCookies();
      return route.fulfill({ response, headers });
    });
    await page.goto(await dashboardLink(server));
    assert.match((await page.getByRole("alert").textContent()) ?? "", /did not keep the sign-in.*WHARF_PUBLIC_URL/);
  });

  test("waits for a server that has no time when it is opened, and is never blank", async () => {
    const { page, context } = await signedIn(server);
    let refusals = 0;
    await context.route("**/dashboard/session", async (route) => {
      if (refusals++ >= 2) return route.continue();
      return route.fulfill({ status: 503, body: "{}", headers: { "Retry-After": "1" } });
    });
    await page.reload();
    await page.getByRole("alert").waitFor();
    await heading(page, "Drop documents");
    assert.equal(refusals, 3);
  });

  test("does not say that somebody is signed out whom the server did not sign out", async () => {
    const { page, context } = await signedIn(server);
    await context.route("**/dashboard/session", (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.match((await page.getByRole("alert").textContent()) ?? "", /You are still signed in/);
    await context.unroute("**/dashboard/session");
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading(page, "Sign in");
    await page.reload();
    await heading(page, "Sign in");
  });
});
