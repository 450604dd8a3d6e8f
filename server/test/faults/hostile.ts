import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HOSTILE_FILES, type HostileFile } from "./hostile-files.ts";
import { runHostile } from "./hostile-run.ts";

/**
 * Normal clients beside hostile files, on a real server (R13, R17, S4):
 *
 *     node server/test/faults/hostile.ts [<folder of hostile files>] [--clients 16] [--quiet 20] [--rounds 1]
 *
 * Without a folder the files of hostile-files.ts. Prints figures beside their targets. Exit code 0: every target met.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      clients: { type: "string", default: "16" },
      quiet: { type: "string", default: "20" },
      rounds: { type: "string", default: "1" },
    },
  });
  const [folder] = positionals;
  const files = folder === undefined ? HOSTILE_FILES : await filesOf(folder);
  const report = await runHostile({
    files: Array.from({ length: Number(values.rounds) }, () => files).flat(),
    clients: Number(values.clients),
    quietMs: Number(values.quiet) * 1000,
    warmUpBytes: 20 * 1024 * 1024,
    progress: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, null, 2));
  if (report.violations.length > 0 || report.figures.some(({ met }) => !met)) process.exitCode = 1;
}

async function filesOf(folder: string): Promise<readonly HostileFile[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
  return Promise.all(
    entries.map(async ({ name }) => {
      const bytes = await readFile(join(folder, name));
      return { filename: name, bytes: () => bytes };
    }),
  );
}

if (import.meta.main) await main();
