import { join } from "node:path";
import { listAt, numberAt } from "../../server/test/support/json.ts";
import type { Job } from "../load/job.ts";
import { startChild } from "./child.ts";

/** What a load client saw. */
export interface Loaded {
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Of each unit of the job, in the job's order. */
  readonly latenciesMs: readonly number[];
  /** What the answers named: session ids, file ids, results. */
  readonly names: readonly string[];
}

const WITHIN_MS = 30 * 60_000;

/**
 * Runs a job in a client process of its own, so that its work is not on the server's threads nor on ours. Rejects when
 * any answer is not what it should be.
 */
export async function load(job: Job): Promise<Loaded> {
  const entry = join(import.meta.dirname, "../load/client.ts");
  const child = await startChild([entry], { input: JSON.stringify(job), withinMs: WITHIN_MS });
  const { first } = child;
  await child.end();
  return {
    seconds: numberAt(first, "seconds"),
    latenciesMs: listAt(first, "latenciesMs").map(Number),
    names: listAt(first, "names").map(String),
  };
}
