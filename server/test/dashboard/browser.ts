import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { eventually } from "../faults/processes.ts";
import { launchChromium, NO_CHROMIUM } from "../support/chromium.ts";
import { dashboardLink } from "../support/dashboard.ts";
import { listAt, shown, textAt } from "../support/json.ts";
import type { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";

/** A real Chromium that looks at the dashboard. */

export const NO_BROWSER: string | false = NEEDS_OWN_SERVER !== false ? NEEDS_OWN_SERVER : NO_CHROMIUM;

/**
 * A name of this machine that browsers do not take for it: as a server that is reached over plain HTTP, they tell it
 * nothing of where a request comes from.
 */
export const PLAIN_HOST = "wharf.test";

/** Ends are for a machine that does other things. */
export const PATIENCE_MS = 180_000;

let browser: Promise<Browser> | null = null;

function launched(): Promise<Browser> {
  browser ??= launchChromium([`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`]);
  return browser;
}

/** Closed with the test file. Call it once, at the top. */
export function closeBrowserAtEnd(): void {
  after(async () => {
    if (browser !== null) await (await browser).close();
  });
}

/**
 * A browser profile of its own, and what went wrong in its pages: scripts that threw, and what the content policy
 * refused.
 */
export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly troubles: readonly string[];
  /** Every address that was asked for. */
  readonly addresses: readonly string[];
}

export async function visitor(
  options: { readonly width?: number; readonly colorScheme?: "light" | "dark" } = {},
): Promise<Visitor> {
  const { width = 1280, colorScheme = "light" } = options;
  const context = await (await launched()).newContext({ viewport: { width, height: 800 }, colorScheme });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const troubles: string[] = [];
  const addresses: string[] = [];
  page.on("pageerror", (error) => troubles.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && /policy|TrustedScript|refused to/i.test(message.text()))
      troubles.push(message.text());
  });
  page.on("request", (request) => addresses.push(request.url()));
  return { context, page, troubles, addresses };
}

/** The page, signed in with a link as `wharf dashboard link` prints it. */
export async function signedIn(
  server: TestServer,
  options: Parameters<typeof visitor>[0] & { readonly scopes?: string; readonly team?: string } = {},
): Promise<Visitor> {
  const opened = await visitor(options);
  await opened.page.goto(await dashboardLink(server, options.scopes, options.team));
  await opened.page.getByRole("heading", { name: "Drop documents" }).waitFor();
  return opened;
}

/** Drops files and folders of the disk on the page, as a person does with the mouse; `on`: where. */
export async function drop(page: Page, paths: readonly string[], on = ".drop"): Promise<void> {
  const box = await page.locator(on).boundingBox();
  assert.ok(box !== null);
  const [x, y] = [box.x + box.width / 2, box.y + 20];
  const devtools = await page.context().newCDPSession(page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await devtools.send("Input.dispatchDragEvent", { type, x, y, data });
  await devtools.detach();
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe finds that is serious or worse, in a line each. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  await inPage(page, `${await readFile(AXE, "utf8")}; true`);
  const found = await inPage(page, "axe.run(document, { resultTypes: ['violations'] })");
  return listAt(found, "violations")
    .filter((fault) => ["serious", "critical"].includes(textAt(fault, "impact")))
    .map((fault) => {
      const nodes = listAt(fault, "nodes").map((node) => textAt(node, "html").slice(0, 160));
      return `${textAt(fault, "id")}: ${textAt(fault, "help")}: ${nodes.join(" | ")}`;
    });
}

/**
 * What an expression comes to in the page, as the developer tools ask it: Playwright's own way is an `eval` in the
 * page, which the page's policy refuses, as it should.
 */
export async function inPage(page: Page, expression: string): Promise<unknown> {
  const devtools = await page.context().newCDPSession(page);
  try {
    const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    assert.equal(exceptionDetails, undefined, shown(exceptionDetails));
    return result.value;
  } finally {
    await devtools.detach();
  }
}

/** Asks again and again until the expression is true in the page. */
export async function becomesTrue(page: Page, expression: string, withinMs = PATIENCE_MS): Promise<void> {
  await eventually(expression, withinMs, async () => (await inPage(page, expression)) === true);
}

const SHOTS = join(import.meta.dirname, "../../../docs/dashboard");

/** A picture for the docs, when WHARF_TEST_SCREENSHOTS is set: an ordinary run changes no file of the repository. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env["WHARF_TEST_SCREENSHOTS"] === undefined) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), animations: "disabled" });
}
