import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { MutationCorpus } from "./mutation-corpus.ts";
import { runMutations } from "./mutation-run.ts";
import { Canary } from "./surroundings.ts";

/**
 * Reads damaged documents of every format in the jailed pool (S4):
 *
 *     node server/test/faults/mutations.ts --files 100000 [--seed 1] [--from 0] [--seeds <folder of documents>]
 *     node server/test/faults/mutations.ts --seed 1 --only 4711 [--save file]
 *
 * Exit code 0: every file was answered as it must be. 1: what was not is printed, each with the command that
 * reads it again.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "20000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      from: { type: "string", default: "0" },
      only: { type: "string" },
      save: { type: "string" },
      seeds: { type: "string" },
      seconds: { type: "string" },
    },
  });
  const seed = Number(values.seed);
  const seedsFolder = values.seeds === undefined ? null : resolve(values.seeds);
  const from = Number(values.only ?? values.from);
  const files = values.only === undefined ? Number(values.files) : 1;
  const withinMs = values.seconds === undefined ? Number.POSITIVE_INFINITY : Number(values.seconds) * 1000;
  if (values.save !== undefined) await save(values.save, { seed, number: from, seedsFolder });
  console.log(JSON.stringify({ seed, from, files, seeds: seedsFolder }));
  const report = await runMutations({
    seed,
    from,
    files,
    seedsFolder,
    withinMs,
    progress: (line) => console.log(line),
  });
  console.log(JSON.stringify(report, null, 2));
  if (report.violations.length > 0) process.exitCode = 1;
}

async function save(path: string, of: { seed: number; number: number; seedsFolder: string | null }): Promise<void> {
  const canary = await Canary.start();
  const corpus = await MutationCorpus.open(of.seed, canary.address, of.seedsFolder);
  await canary.close();
  await writeFile(path, corpus.file(of.number).bytes);
}

if (import.meta.main) await main();
