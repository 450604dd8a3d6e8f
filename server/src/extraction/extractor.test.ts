import { existsSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../log.ts";
import { meteredExtractor } from "../metrics/metered.ts";
import { NO_METRICS } from "../metrics/metrics.ts";
import type { OpenExtractor } from "./conformance-support.ts";
import { describeExtractor } from "./extractor.conformance.ts";
import { jailsOf } from "./fixtures/jail-variants.ts";
import { createExtractionPool, type PoolOptions } from "./pool.ts";
import { APP_ROOT, type Jail, jailsOfParts } from "./sandbox.ts";
import { works } from "./system-tools.ts";

const entry = join(import.meta.dirname, "fixtures/children/misbehaving.ts");

function poolWith(jail: Pick<PoolOptions, "sandbox" | "jails">): OpenExtractor {
  return (options) => createExtractionPool({ ...jail, ...options, entry, log: createLog("silent") });
}

const possible = jailsOfParts({ mode: "reduced", appRoot: APP_ROOT, entry }, works);
const noProc = existsSync("/proc/self") ? false : "needs /proc";

function lacks(by: Jail["by"]): string | false {
  return possible.some((jail) => jail.by === by) ? noProc : `needs ${by}`;
}

// The product takes the first of these that a machine has, or the last one when it is told to.
for (const by of ["unshare", "bubblewrap", "none"] as const)
  describeExtractor(`readers with walls by ${by}`, poolWith({ jails: jailsOf("product", by) }), lacks(by));
describeExtractor("readers that are not shut in", poolWith({ sandbox: "off" }), noProc);
describeExtractor(
  "readers that are counted",
  async (options) => meteredExtractor(await poolWith({ sandbox: "off" })(options), NO_METRICS),
  noProc,
);
