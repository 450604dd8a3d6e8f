import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { forgetOverdue } from "../maintenance/sweep.ts";
import { type Finding, finding } from "./finding.ts";
import { dropStrangeSignIns, overdueRows, strangeSignIns } from "./retention.store.ts";

interface RetentionDeps {
  readonly catalogue: Catalogue;
}

interface RetentionOptions {
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/** Links and sessions of the dashboard that are nobody's: no request can come with one, and no round removes it. */
export async function checkSignIns({ catalogue }: RetentionDeps, { repair }: RetentionOptions): Promise<Finding> {
  const strange = await catalogue.run(strangeSignIns, {});
  if (strange === 0) return finding("sign-ins", "ok", "Every link and session of the dashboard is a team's.");
  const what = `${strange} links or sessions of the dashboard are of teams that are gone`;
  if (!repair) return finding("sign-ins", "problem", `${what}: stop the server and run wharf doctor --repair.`);
  await catalogue.run(dropStrangeSignIns, {});
  return finding("sign-ins", "repaired", `${what}; they are removed.`);
}

/**
 * Rows that are kept beyond their time (limits.ts). Nothing is answered from them, so they are no problem: a server
 * that was stopped for a month finds some at its start.
 */
export async function checkRetention({ catalogue }: RetentionDeps, options: RetentionOptions): Promise<Finding> {
  const { batches, keys, answers, signIns } = await catalogue.run(overdueRows, { lateMs: LATE_MS });
  const named = [
    [batches, "batches"],
    [keys, "idempotency keys"],
    [answers, "kept answers"],
    [signIns, "sign-ins of the dashboard"],
  ] as const;
  const late = named.flatMap(([rows, name]) => (rows === 0 ? [] : `${rows} ${name}`)).join(", ");
  if (late === "") return finding("retention", "ok", "Nothing is kept beyond its time.");
  if (!options.repair)
    return finding("retention", "note", `Past their time are ${late}: a running server removes them within minutes.`);
  await forgetOverdue({ catalogue }, options.signal);
  return finding("retention", "repaired", `Past their time were ${late}; they are removed.`);
}

/** A busy server may be late. */
const LATE_MS = 60 * LIMITS.sweepEveryMs;
