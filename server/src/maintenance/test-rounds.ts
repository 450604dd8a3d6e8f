import type { Batch, Chore } from "./chore.ts";

/** A round of a chore at once, without rests: from `position` to its end. */
export async function runRound(
  chore: Chore,
  position: string | null = null,
  signal: AbortSignal = new AbortController().signal,
): Promise<Batch> {
  let [looked, mended, failed] = [0, 0, 0];
  for (let next = position; ; ) {
    const batch = await chore.runOnce(next, signal);
    looked += batch.looked;
    mended += batch.mended;
    failed += batch.failed ?? 0;
    next = batch.next;
    if (batch.ended) return { ...batch, looked, mended, failed };
  }
}
