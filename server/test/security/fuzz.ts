import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runFuzz } from "./fuzz-run.ts";

/**
 * Requests of every operation that the server describes, valid and nearly valid, and raw bytes on its socket:
 *
 *     node server/test/security/fuzz.ts [--structured 100000] [--raw 100000] [--seed N]
 *
 * No 500; 503 and 507 only from a named limit; none over 2 s; every answer as `/openapi.json` describes it and as the
 * contract's envelope wants it; no id of another team; the server's memory and descriptors back at their level, and
 * its log clean. Prints its seed: the same seed draws the same requests. Exit code 0: nothing found.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      structured: { type: "string", default: "100000" },
      raw: { type: "string", default: "100000" },
      seed: { type: "string", default: String(randomInt(1_000_000)) },
    },
  });
  console.log(`--seed ${values.seed}`);
  const { findings, ...report } = await runFuzz({
    structured: Number(values.structured),
    raw: Number(values.raw),
    seed: Number(values.seed),
    progress: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, null, 2));
  for (const { fault, request, times } of findings) console.log(`FOUND ${times} times: ${fault}\n  ${request}`);
  if (findings.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
