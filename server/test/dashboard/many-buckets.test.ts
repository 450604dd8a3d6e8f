import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { Api } from "../support/api.ts";
import type { TestServer } from "../support/server.ts";
import { ownServer } from "../support/target.ts";
import { becomesTrue, closeBrowserAtEnd, NO_BROWSER, seriousFaults, signedIn } from "./browser.ts";

closeBrowserAtEnd();
const started = NO_BROWSER === false ? await ownServer() : null;

/** More than one page of the listing holds. */
const BUCKETS = 230;

describe("a team of many buckets", { skip: NO_BROWSER, timeout: 900_000 }, () => {
  let server: TestServer;
  before(async () => {
    assert.ok(started !== null);
    server = started;
    const api = new Api(server.url, server.key);
    const slugs = Array.from({ length: BUCKETS }, (_, i) => `crew-${String(i).padStart(3, "0")}`);
    for (let i = 0; i < slugs.length; i += 20)
      await api.create(1, { bucket: undefined, bucket_slugs: slugs.slice(i, i + 20) });
    await api.indexed("The lighthouse is lit.", { filename: "lit.txt", bucket: "zone-last" });
    await api.indexed("The lighthouse is dark.", { filename: "dark.txt", bucket: "crew-000" });
  });

  test("any of them is found by the beginning of its slug, by keyboard, and nothing is listed before it is chosen", async () => {
    const { page, troubles } = await signedIn(server);
    await page.getByRole("link", { name: "Files", exact: true }).click();
    await page.locator("tbody tr").nth(1).waitFor();
    const choice = page.getByLabel("Bucket");
    await choice.and(page.locator("input")).waitFor();
    assert.deepEqual(await seriousFaults(page), []);
    await choice.pressSequentially("Zon");
    await becomesTrue(
      page,
      `[...document.querySelectorAll("#bucket-choices option")].map((option) => option.value).join() === "zone-last"`,
    );
    await choice.fill("zone-last");
    await choice.press("Enter");
    await becomesTrue(
      page,
      `document.querySelectorAll("tbody tr").length === 1 && /bucket=zone-last/.test(location.hash)`,
    );
    await page.getByText("lit.txt").waitFor();
    await choice.fill("");
    await choice.press("Tab");
    await page.locator("tbody tr").nth(1).waitFor();
    assert.deepEqual(troubles, []);
  });

  test("where files are dropped, one of the last is known for what it is, and an id is no name", async () => {
    const { page } = await signedIn(server);
    const into = page.getByLabel("Into the bucket");
    await into.fill("zone-last");
    await page.getByText("Into zone-last", { exact: true }).waitFor();
    await into.fill("zone-new");
    await page.getByText("zone-new is made when you drop", { exact: true }).waitFor();
    await into.fill(`bucket_${"0".repeat(26)}`);
    await page.getByText("That is an id: type the bucket's slug").waitFor();
  });
});
