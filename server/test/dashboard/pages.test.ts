import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { pdfFile } from "../../src/extraction/fixtures/pdf-file.ts";
import { Api } from "../support/api.ts";
import { dashboardCommand } from "../support/dashboard.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { closeBrowserAtEnd, drop, inPage, NO_BROWSER, picture, seriousFaults, signedIn, visitor } from "./browser.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? await ownServer() : null;

/** Every page of the dashboard, in both themes and narrow, by keyboard, and as axe sees it. */
describe("each page", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  let api: Api;
  let fileId: string;
  before(async () => {
    assert.ok(started !== null);
    server = started;
    api = new Api(server.url, server.key);
    const bytes = pdfFile({ pages: ["The lighthouse is lit at dusk", "The second page says more"] });
    fileId = await api.indexed(bytes, { filename: "lighthouse.pdf", bucket: "harbour" });
    await api.indexed("The buoy is red.", { filename: "buoy.txt", bucket: "harbour" });
    await api.settled(
      await api.upload(Buffer.from([0, 1, 2, 3, 255, 254]), { filename: "noise.bin", bucket: "harbour" }),
    );
  });

  const pages = () =>
    [
      { name: "drop", hash: "#/", ready: "[data-list=newest] .upload" },
      { name: "ask", hash: "#/ask?q=lighthouse", ready: ".pdf[data-state=drawn]" },
      { name: "files", hash: "#/files", ready: "tbody tr" },
      { name: "file", hash: `#/file/${fileId}`, ready: ".pdf[data-state=drawn]" },
      { name: "buckets", hash: "#/buckets", ready: "tbody tr" },
      { name: "health", hash: "#/health", ready: ".card .figure" },
    ] as const;

  for (const colorScheme of ["light", "dark"] as const)
    test(`has nothing serious for axe, in the ${colorScheme} theme`, async () => {
      const { page, troubles } = await signedIn(server, { colorScheme });
      for (const { name, hash, ready } of pages()) {
        await page.goto(`${server.url}/${hash}`);
        await page.locator(ready).first().waitFor();
        assert.deepEqual(await seriousFaults(page), [], name);
        // first-minutes.test.ts takes the others.
        if (colorScheme === "light" && !["ask", "drop"].includes(name)) await picture(page, name);
        if (colorScheme === "dark" && name === "ask") await picture(page, "ask-dark");
      }
      assert.deepEqual(troubles, []);
    });

  test("fits 360 px: nothing but tables scrolls sideways", async () => {
    const { page } = await signedIn(server, { width: 360 });
    for (const { name, hash, ready } of pages()) {
      await page.goto(`${server.url}/${hash}`);
      await page.locator(ready).first().waitFor();
      const width = Number(await inPage(page, "document.documentElement.scrollWidth"));
      assert.ok(width <= 360, `${name} is ${width} px wide`);
      if (name === "ask") await picture(page, "ask-narrow");
    }
  });

  test("the page to sign in says how, takes a key and keeps it nowhere, and refuses a wrong one with a sentence", async () => {
    const { page, context, addresses } = await visitor();
    await page.goto(`${server.url}/`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.deepEqual(await seriousFaults(page), []);
    await picture(page, "sign-in");
    await page.getByLabel("API key").fill("sk_wrong_wrong_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.getByLabel("API key").fill(server.key);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Drop documents" }).waitFor();
    const kept = String(
      await inPage(page, "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])"),
    );
    assert.ok(!kept.includes(server.key));
    assert.deepEqual(await context.cookies(), []);
    assert.ok(!(await page.content()).includes(server.key));
    assert.ok(addresses.every((address) => !address.includes(server.key)));
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test("a used link says so, and a session that was ended leads back to the sign-in", async () => {
    const { page, context } = await signedIn(server);
    const [cookie] = await context.cookies();
    assert.ok(cookie?.httpOnly === true && cookie.sameSite === "Strict");
    assert.equal(new URL(page.url()).hash, "#/");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await page.goto("about:blank");
    await page.goto(`${server.url}/#link=${"A".repeat(43)}`);
    assert.match((await page.getByRole("alert").textContent()) ?? "", /wharf dashboard link/);
    assert.ok(!page.url().includes("AAAA"));
  });

  test("a session that somebody ended says so, and what to do", async () => {
    const { page } = await signedIn(server);
    await page.goto(`${server.url}/#/files`);
    await page.locator("tbody tr").first().waitFor();
    await dashboardCommand(server, "end", "--team", "default");
    await page.getByLabel("State").selectOption("failed");
    await page
      .getByRole("alert")
      .getByText(/Your sign-in is over.*Sign in again/)
      .waitFor();
  });

  test("everything is reached and worked by keyboard alone", async () => {
    const { page } = await signedIn(server);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    const seen: string[] = [];
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      seen.push(String(await inPage(page, "document.activeElement?.textContent?.trim() ?? ''")));
    }
    for (const name of ["Ask", "Files", "Buckets", "Health", "Choose files", "Choose a folder"])
      assert.ok(seen.includes(name), `${name} is reached by Tab: ${seen.join(", ")}`);
    await page.goto(`${server.url}/#/ask`);
    await page.getByLabel("Question or words").focus();
    await page.keyboard.type("lighthouse");
    await page.keyboard.press("Enter");
    await page.locator(".pdf[data-state=drawn]").waitFor();
    assert.ok((await page.locator(".passage").count()) > 0);
    await page.getByRole("button", { name: "Write an answer from these" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".answer .citation").first().waitFor();
    assert.equal(await inPage(page, "document.activeElement.textContent"), "Answer");

    await page.goto(`${server.url}/#/file/${fileId}`);
    await page.getByRole("button", { name: "Delete", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await inPage(page, "document.activeElement.textContent"), "Delete", "No is what is at hand");
  });

  test("a bucket is made and archived, and what the server refuses is said on the page", async () => {
    const { page } = await signedIn(server);
    await page.goto(`${server.url}/#/buckets`);
    for (const slug of ["fresh", "fresh", "No Good!"]) {
      await page.getByLabel("Slug").fill(slug);
      await page.getByRole("button", { name: "Make a bucket" }).click();
      if (slug === "fresh" && (await page.getByRole("alert").count()) === 0)
        await page.getByRole("link", { name: "fresh" }).waitFor();
      else await page.getByRole("alert").waitFor();
    }
    await page.getByRole("button", { name: "Archive: fresh" }).click();
    await page.getByRole("button", { name: "Take up again: fresh" }).waitFor();
    await page.getByRole("link", { name: "Drop", exact: true }).click();
    await page.getByLabel("Into the bucket").fill("fresh");
    await page.getByText("fresh is archived").waitFor();
    await drop(page, [import.meta.filename]);
    await page.getByRole("alert").getByText("fresh is archived: name another bucket").waitFor();
  });

  test("a file that is let go beside the field is not opened in the place of the page", async () => {
    const { page, context } = await signedIn(server);
    await drop(page, [import.meta.filename], "header");
    await drop(page, [import.meta.filename]);
    await page.locator("[data-list=now] .upload").waitFor();
    assert.equal(context.pages().length, 1);
    assert.equal(await page.locator("[data-list=now] .upload").count(), 1);
  });

  test("who may write and not read, or read nothing, is told so, and no file is said to wait for ever", async () => {
    const { page } = await signedIn(server, { scopes: "files:write" });
    await drop(page, [import.meta.filename]);
    await page.locator("[data-list=now]").getByText("Uploaded", { exact: true }).waitFor();
    await page.getByText("1 of 1 file is uploaded").waitFor();
    for (const name of ["Files", "Buckets", "Ask"]) {
      await page.getByRole("link", { name, exact: true }).click();
      await page.getByRole("heading", { name, exact: true }).waitFor();
      await page.getByText(/^You may not .* the scope (files:read|search)\.$/).waitFor();
    }
  });

  test("names keep their own direction, and none passes an .exe for a .doc", async () => {
    await api.indexed("Tidal words.", { filename: "invoice\u202ecod.exe", title: "", bucket: "tides" });
    await api.indexed("Tidal words.", { filename: "\u05e9\u05dc\u05d5\u05dd 3.txt", title: "", bucket: "tides" });
    const { page } = await signedIn(server);
    await page.goto(`${server.url}/#/files?bucket=tides`);
    await page.locator("tbody tr").nth(1).waitFor();
    assert.deepEqual(await page.locator("tbody th a bdi").allTextContents(), [
      "\u05e9\u05dc\u05d5\u05dd 3.txt",
      "invoice\ufffdcod.exe",
    ]);
  });

  test("a file downloads as it was, is read page by page, and is deleted after a question", async () => {
    const { page } = await signedIn(server);
    await page.goto(`${server.url}/#/file/${fileId}`);
    await page.locator(".pdf[data-state=drawn]").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "lighthouse.pdf");
    await page.getByRole("button", { name: "As text" }).click();
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByText("The second page says more").waitFor();

    const doomed = await api.indexed("To be deleted.", { filename: "doomed.txt" });
    await page.goto(`${server.url}/#/file/${doomed}`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.getByRole("heading", { name: "Files" }).waitFor();
    const { json } = await api.file(doomed);
    assert.partialDeepStrictEqual(json, { status: "deleted" });
  });

  test("files are filtered by name, bucket and state, and ordered both ways", async () => {
    const { page } = await signedIn(server);
    await page.goto(`${server.url}/#/files`);
    const names = async () => (await page.locator("tbody th a").allTextContents()).map((name) => name.trim());
    await page.getByLabel("Name").fill("BUOY");
    await page.getByText("Page 1: 1 file").waitFor();
    assert.deepEqual(await names(), ["buoy.txt"]);
    await page.getByLabel("Name").fill("");
    await page.getByLabel("State").selectOption("failed");
    await page.getByText("Page 1: 1 file").waitFor();
    assert.deepEqual(await names(), ["noise.bin"]);
    await page.getByLabel("State").selectOption("");
    await page.getByLabel("Bucket").selectOption("harbour");
    await page.getByText("Page 1: 3 files").waitFor();
    const newest = await names();
    await page.getByLabel("Order").selectOption("oldest");
    await page.locator("tbody th").first().getByText("lighthouse.pdf").waitFor();
    assert.deepEqual(await names(), newest.toReversed());
    await page.goto(`${server.url}/#/files?bucket=of-nobody`);
    await page.getByText("No file is like that.").waitFor();
    assert.equal(await page.getByLabel("Bucket").inputValue(), "of-nobody", "what filters is shown");
  });

  test("the first load is at most 200 kB, compressed, and comes from this server alone", async () => {
    const { page, addresses } = await visitor();
    const devtools = await page.context().newCDPSession(page);
    let bytes = 0;
    await devtools.send("Network.enable");
    devtools.on("Network.loadingFinished", (event) => {
      bytes += event.encodedDataLength;
    });
    await page.goto(`${server.url}/`, { waitUntil: "networkidle" });
    assert.ok(bytes > 10_000 && bytes <= 200_000, `${bytes} bytes`);
    assert.ok(
      addresses.every((address) => address.startsWith(server.url)),
      addresses.join(", "),
    );
  });
});
