import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  becomesTrue,
  closeBrowserAtEnd,
  drop,
  inPage,
  NO_BROWSER,
  PATIENCE_MS,
  picture,
  type Visitor,
  visitor,
} from "./browser.ts";
import { PHRASE, writeMixedFolder } from "./mixed-folder.ts";
import { NO_TERMINAL, npmStart, type TerminalStart } from "./terminal-start.ts";

closeBrowserAtEnd();
const skip = NO_BROWSER === false ? NO_TERMINAL : NO_BROWSER;

/** What a new user does in the first five minutes, with a terminal and a browser: the README's first way in. */
describe("the first five minutes", { skip, timeout: 900_000 }, () => {
  let started: TerminalStart | null = null;
  let root: string;
  let written: Awaited<ReturnType<typeof writeMixedFolder>>;
  let visit: Visitor;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), "wharf-mixed-"));
    written = await writeMixedFolder(join(root, "documents"));
    started = await npmStart(join(root, "wharf-data"));
    const { printed } = started;
    const [link = "", after = ""] =
      printed
        .split(/^ {2}Dashboard {3}/m)
        .at(-1)
        ?.split("\n", 2) ?? [];
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#link=[\w-]{43}$/, printed);
    assert.match(after, /within a minute/);
    assert.ok(printed.indexOf("#link=") > printed.indexOf("echo "), "the link is what is seen without scrolling");
    visit = await visitor();
    await visit.page.goto(link);
    await visit.page.getByRole("heading", { name: "Drop documents" }).waitFor();
  });
  after(async () => {
    await started?.end();
    await rm(root, { recursive: true, force: true });
  });

  test("a folder of thirty mixed documents is dropped, and each of them ends: findable, or with a reason and what to do", async () => {
    const { page } = visit;
    assert.equal(written.files, 30);
    await drop(page, [join(root, "documents")]);
    const rows = page.locator("[data-list=now] .upload");
    await rows.nth(written.files - 1).waitFor();
    await picture(page, "drop-busy");
    const ended = `[...document.querySelectorAll("[data-list=now] .upload")].filter((row) => /good|bad/.test(row.dataset.tone)).length`;
    await becomesTrue(page, `${ended} === ${written.files}`, 2 * PATIENCE_MS);
    assert.equal(await page.locator("[data-list=now] .upload[data-tone=bad]").count(), written.unreadable);
    for (const row of await page.locator("[data-list=now] .upload[data-tone=bad]").all()) {
      assert.match((await row.locator(".why").textContent()) ?? "", /\w+ .+\./, "it says why");
      await row.getByRole("button", { name: /^Retry/ }).waitFor();
    }
    await picture(page, "drop");
  });

  test("a phrase of a PDF is asked for, and its page shows with the phrase marked", async () => {
    const { page } = visit;
    await page.getByRole("link", { name: "Ask", exact: true }).click();
    await page.getByLabel("Question or words").fill(PHRASE);
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    const first = page.locator(".passage").first();
    await first.waitFor();
    assert.match((await first.getByRole("link").textContent()) ?? "", /pilotage\.pdf, page 2/);
    assert.ok((await first.locator("mark").allTextContents()).includes("pilot"));

    await page.locator(".pdf[data-state=drawn]").waitFor();
    const marks = page.locator(".pdf-mark:not(.word)");
    assert.ok((await marks.count()) > 0, "the passage is marked");
    // Where the fixture draws its line: 700 of 800 points from the bottom, from 50 of 600 on.
    const sheet = await page.locator(".pdf canvas").boundingBox();
    const mark = await marks.first().boundingBox();
    assert.ok(sheet !== null && mark !== null);
    const [left, middle] = [(mark.x - sheet.x) / sheet.width, (mark.y + mark.height / 2 - sheet.y) / sheet.height];
    assert.ok(left > 0.05 && left < 0.25 && middle > 0.09 && middle < 0.16, `the mark is at ${left}, ${middle}`);
    assert.ok(await isInkUnder(visit), "something is drawn under the mark");
    await picture(page, "ask");
  });

  test("the address leads to exactly that page and mark again", async () => {
    const { page, context } = visit;
    await page.locator(".passage").first().getByRole("link").click();
    const address = page.url();
    assert.match(address, /file=file_\w+&page=2&from=\d+&to=\d+/);
    const other = await context.newPage();
    await other.goto(address);
    await other.locator(".pdf[data-state=drawn]").waitFor();
    assert.ok((await other.locator(".pdf-mark").count()) > 0);
    await other.close();
  });

  test("an answer is written whose numbers lead to what they cite, which is text as text where it is no PDF", async () => {
    const { page } = visit;
    await page.getByLabel("Question or words").fill("who pays the demurrage");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.getByRole("button", { name: "Write an answer from these" }).click();
    await page.locator(".answer .citation").first().click();
    await page.locator(".page-text mark").waitFor();
    assert.match((await page.locator(".page-text mark").first().textContent()) ?? "", /charterer pays the demurrage/);
    await picture(page, "answer");
  });

  test("nothing was refused by the page's policy, and no script failed", () => {
    assert.deepEqual(visit.troubles, []);
  });
});

/** Dark pixels on the canvas at the first mark. */
function isInkUnder({ page }: Visitor): Promise<unknown> {
  return inPage(
    page,
    `(() => {
    const canvas = document.querySelector("canvas");
    const [sheet, box] = [canvas, document.querySelector(".pdf-mark")].map((part) => part.getBoundingClientRect());
    const scale = canvas.width / sheet.width;
    const area = [box.left - sheet.left, box.top - sheet.top, box.width, box.height].map((side) => Math.round(side * scale));
    const { data } = canvas.getContext("2d").getImageData(...area);
    return data.some((value, i) => i % 4 === 0 && value < 100);
  })()`,
  );
}
