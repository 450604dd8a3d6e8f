import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** The Chromium of the machine, as every test starts it; none is downloaded. */

const PATH = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** Why tests in a browser are skipped; false: they are not. */
export const NO_CHROMIUM: string | false = PATH === undefined ? "no chromium is installed" : false;

/** Closed by whoever starts it. `more`: switches beside those of every test. */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...more,
  ];
  return chromium.launch({ ...(PATH === undefined ? {} : { executablePath: PATH }), args });
}
