import { constants, setPriority } from "node:os";
import { createInterface } from "node:readline";
import { Api } from "../support/api.ts";
import { at, numberAt, textAt } from "../support/json.ts";
import { ATTACKS, attackName } from "./attacks.ts";

/**
 * A process of its own, so that an attack takes no time from the client that measures beside it, and of the lowest
 * priority: what is judged is the server. Its argument names the attack; it says "prepared", begins at each "begin",
 * ends at each "end", and answers with a line.
 */
async function main(): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  const job: unknown = JSON.parse(process.argv[2] ?? "null");
  const assault = await ATTACKS[attackName(at(job, "attack"))].prepare(
    new Api(textAt(job, "url"), textAt(job, "key")),
    { connections: numberAt(job, "connections"), corpusBytes: numberAt(job, "corpusBytes") },
  );
  console.log("prepared");
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "begin") {
      await assault.begin();
      console.log("begun");
    } else {
      console.log(await assault.end());
    }
  }
  // Whoever started it is gone: nothing may go on attacking.
  process.exit();
}

if (import.meta.main) await main();
