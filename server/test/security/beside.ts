import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { LIMITS } from "../../src/limits.ts";
import { TestServer } from "../support/server.ts";
import { ATTACK_NAMES, ATTACKS, attackName } from "./attacks.ts";
import { type BesideOptions, type BesideReport, runBeside } from "./beside-run.ts";

/**
 * What a quiet team notices of an attack, on a real server and with the attacker in a process of its own, of lower
 * priority, at 127.0.0.2:
 *
 *     node server/test/security/beside.ts [pipelining downloads polls searches bodies idle] [--rounds 3]
 *       [--quiet 5] [--beside 15]
 *
 * Prints each call's p99 beside its bound (5 × its p50 alone + 250 ms, of the same run), the server's memory and
 * descriptors, and what was lost. Exit code 0: every bound kept and nothing lost.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "3" },
      quiet: { type: "string", default: "5" },
      beside: { type: "string", default: "15" },
    },
  });
  const chosen = positionals.length === 0 ? ATTACK_NAMES : positionals.map(attackName);
  console.log(`node ${process.version}, ${availableParallelism()} cores`);
  for (const attack of chosen) {
    console.log(`\n${attack}: ${ATTACKS[attack].what}`);
    const report = await besideAlone({
      attack,
      // More than there are.
      connections: LIMITS.maxConnections + 500,
      corpusBytes: 16 * 1024 * 1024,
      rounds: Number(values.rounds),
      quietMs: Number(values.quiet) * 1000,
      besideMs: Number(values.beside) * 1000,
      progress: (line) => console.log(line),
    });
    print(report);
    if (report.violations.length > 0 || report.figures.some(({ met }) => !met)) process.exitCode = 1;
  }
}

/** On a server of its own: what one attack leaves behind is not the next one's. */
async function besideAlone(options: BesideOptions): Promise<BesideReport> {
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "warn" });
  try {
    return await runBeside(server, options);
  } finally {
    await server.close();
  }
}

function print({ figures, levels, acknowledged, violations }: BesideReport): void {
  console.table(figures);
  const mib = Object.entries(levels).map(
    ([when, { rssBytes, descriptors }]) => `${when} ${Math.round(rssBytes / 2 ** 20)} MiB, ${descriptors} descriptors`,
  );
  console.log(`${mib.join("; ")}; ${acknowledged} files were acknowledged`);
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
}

if (import.meta.main) await main();
