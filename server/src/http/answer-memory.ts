import type { Places } from "../fairness/places.ts";
import { LIMITS } from "../limits.ts";
import type { App } from "./route.ts";

/**
 * A large answer stands in memory until its client has taken it. A page of 200 files with all that metadata may hold is
 * 1.8 MB: a thousand clients of one key that read it slowly held as many gigabytes. So large answers have places, by
 * their size, from when they are ready until the kernel has the last of them; who has no place left is told to come
 * again (`overloaded`). Only answers that change nothing are so large, so nothing is done for a refusal.
 */
export function addAnswerMemory(app: App, answers: Places): void {
  app.addHook("onSend", async ({ authenticated }, reply, payload) => {
    if (typeof payload !== "string" || authenticated === null) return payload;
    const sizeBytes = Buffer.byteLength(payload);
    if (sizeBytes <= LIMITS.smallAnswerBytes) return payload;
    const { free } = answers.take(authenticated, Math.ceil(sizeBytes / LIMITS.answerPlaceBytes));
    // Its client may have left while the answer was made: then no event comes any more.
    if (reply.raw.destroyed) free();
    else reply.raw.once("close", free);
    return payload;
  });
}
