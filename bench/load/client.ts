import { json } from "node:stream/consumers";
import type { Job } from "./job.ts";
import { unitOf } from "./units.ts";

/** Entry of a load client: the job on stdin, what it saw on stdout, as JSON. */
await main();

async function main(): Promise<void> {
  // The bench wrote it, as a Job.
  const job: Job = await readJob();
  const unit = await unitOf(job);
  const latenciesMs: number[] = [];
  const names: string[] = [];
  let next = 0;
  const caller = async () => {
    while (next < job.count) {
      const index = next++;
      const began = performance.now();
      const { name, tookMs } = await unit(index);
      latenciesMs[index] = tookMs ?? performance.now() - began;
      names[index] = name;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: job.callers }, caller));
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(JSON.stringify({ seconds, latenciesMs, names }), () => process.exit(0));
}

async function readJob(): Promise<Job> {
  const job: unknown = await json(process.stdin);
  if (!isJob(job)) throw new Error("a job comes on stdin");
  return job;
}

function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && "unit" in value && "url" in value;
}
