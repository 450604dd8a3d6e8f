import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Question, Verdict } from "./verdict.ts";

/**
 * A verdict for each question, in their order. Takes about 0.1 s of processor time a pattern, on as many threads as the
 * machine has processors.
 */
export async function judgeAll(questions: readonly Question[]): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  // Shared by the loops below: each takes the next one.
  const waiting = questions.entries();
  const work = async (): Promise<void> => {
    let worker = startWorker();
    for (const [index, question] of waiting) {
      const answered = once(worker, "message");
      worker.postMessage(question);
      try {
        const [verdict] = await answered;
        verdicts[index] = verdict;
      } catch (error) {
        verdicts[index] = { kind: "unknown", why: String(error) };
        worker = startWorker();
      }
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), questions.length) }, work));
  return verdicts;
}

/**
 * With the checker's JavaScript form: by itself it would start its native one or Java, which are not on every machine.
 */
function startWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { env: { RECHECK_SYNC_BACKEND: "pure" } });
}
