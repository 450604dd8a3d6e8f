import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { seedFiles } from "../security/seeded-rows.ts";
import { Api } from "../support/api.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { closeBrowserAtEnd, inPage, NO_BROWSER, signedIn } from "./browser.ts";

closeBrowserAtEnd();

const FILES = 100_000;
const ON_A_PAGE = 100;

describe(`a list of ${FILES} files`, { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  before(async () => {
    server = await ownServer();
    await server.end();
    seedFiles(join(server.dataDir, "catalogue.db"), { team: "default", count: FILES, tagsOf: () => [] });
    await server.begin();
  });

  test("has pages that stay as they are while files are added, and holds the page up for no tenth of a second", async () => {
    const { page } = await signedIn(server);
    await inPage(
      page,
      `
      window.longest = 0;
      new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
      }).observe({ type: "longtask" });`,
    );
    await page.getByRole("link", { name: "Files", exact: true }).click();
    const ids = async () =>
      String(
        await inPage(page, `[...document.querySelectorAll("tbody th a")].map((link) => link.hash).join(" ")`),
      ).split(" ");
    const seen: string[] = [];
    for (let number = 1; number <= 8; number++) {
      await page.getByText(`Page ${number}: ${ON_A_PAGE} files`).waitFor();
      seen.push(...(await ids()));
      // Newer ones do not push what was seen onto the next page.
      if (number === 3) await new Api(server.url, server.key).upload(Buffer.from("new"), { filename: "new.txt" });
      await page.getByRole("button", { name: "Next" }).click();
    }
    await page.getByText(`Page 9: ${ON_A_PAGE} files`).waitFor();
    assert.equal(new Set(seen).size, 8 * ON_A_PAGE, "no file twice");
    await page.getByRole("button", { name: "Before" }).click();
    await page.getByText(`Page 8: ${ON_A_PAGE} files`).waitFor();
    assert.deepEqual(await ids(), seen.slice(-ON_A_PAGE));
    await page.getByLabel("Order").selectOption("oldest");
    await page.getByText(`Page 1: ${ON_A_PAGE} files`).waitFor();
    const longest = Number(await inPage(page, "window.longest"));
    assert.ok(longest <= 100, `a task took ${longest} ms`);
  });
});
