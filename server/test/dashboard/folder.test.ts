import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Api } from "../support/api.ts";
import { listAt, textAt } from "../support/json.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { becomesTrue, closeBrowserAtEnd, drop, inPage, NO_BROWSER, PATIENCE_MS, signedIn } from "./browser.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? await ownServer() : null;

const FILES = 120;
const SINGLE_CREATE = /\/files\/upload-session$/;
const BATCH_CREATE = /files:batch\/upload-session$/;

describe("a folder that is dropped", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  let root: string;
  before(async () => {
    assert.ok(started !== null);
    server = started;
    root = await mkdtemp(join(tmpdir(), "wharf-folder-"));
  });
  after(() => rm(root, { recursive: true, force: true }));

  async function folderOf(name: string, texts: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(root, name);
    await mkdir(folder);
    for (const [file, text] of Object.entries(texts)) await writeFile(join(folder, file), text);
    return folder;
  }

  for (const scopes of ["files:write,files:read", "files:write"])
    test(`goes by batches, and each file has its own row and end, with the scopes ${scopes}`, async () => {
      const texts = Object.fromEntries(
        Array.from({ length: FILES }, (_, i) => [`note-${String(i).padStart(3, "0")}.txt`, `${scopes} buoy ${i}.`]),
      );
      const folder = await folderOf(`notes ${scopes}`, { ...texts, "empty.txt": "" });
      const { page, addresses, troubles } = await signedIn(server, { scopes });
      await drop(page, [folder]);
      const says = `document.querySelector(".sum")?.textContent`;
      await becomesTrue(page, `/^${FILES} of ${FILES + 1} .*, 1 failed$/.test(${says})`, 2 * PATIENCE_MS);
      const creates = (pattern: RegExp) => addresses.filter((address) => pattern.test(address)).length;
      assert.ok(creates(BATCH_CREATE) >= 3 && creates(BATCH_CREATE) <= 6, `${creates(BATCH_CREATE)} batches`);
      if (scopes.includes("read")) assert.equal(creates(SINGLE_CREATE), 0);
      const names = await inPage(
        page,
        `[...document.querySelectorAll("[data-list=now] .upload-name")].slice(0, 3).map((name) => name.textContent)`,
      );
      assert.match(String(names), /empty\.txt.*note-000\.txt.*note-001\.txt/, "in the order of their names");
      assert.deepEqual(troubles, []);
    });

  test("one of its files is cancelled, on the server too, and taken up again; the others do not wait", async () => {
    const held = "the one that is held";
    const folder = await folderOf("one held", { "a.txt": "alpha", "b.txt": held, "c.txt": "charlie" });
    const api = new Api(server.url, server.key);
    const { page } = await signedIn(server);
    await page.route("**/v1/uploads/**", async (route) => {
      // Its PUT never ends by itself.
      if (route.request().postData() !== held) await route.continue();
    });
    const row = (name: string) => page.locator("[data-list=now] .upload", { hasText: name });
    await drop(page, [folder]);
    await page.waitForRequest((request) => request.postData() === held);
    await row("b.txt").getByRole("button", { name: "Cancel" }).click();
    for (const name of ["a.txt", "c.txt"]) await row(name).and(page.locator("[data-tone=good]")).waitFor();
    await row("b.txt").getByText("Cancelled").waitFor();
    const sessions = (await api.get("/v1/knowledge/files/upload-sessions?status=cancelled")).json;
    assert.deepEqual(
      listAt(sessions, "sessions").map((session) => textAt(session, "filename")),
      ["b.txt"],
    );
    await page.unroute("**/v1/uploads/**");
    await row("b.txt").getByRole("button", { name: "Retry" }).click();
    await row("b.txt").and(page.locator("[data-tone=good]")).waitFor();
  });
});
