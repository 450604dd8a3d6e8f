import { fileURLToPath } from "node:url";
import type { Row } from "./figures.ts";
import { type Options, readOptions } from "./options.ts";
import { table, writeResults } from "./report.ts";
import { create } from "./rows/create.ts";
import { cycle } from "./rows/cycle.ts";
import { eventLoop } from "./rows/event-loop.ts";
import { extract } from "./rows/extract.ts";
import { folder } from "./rows/folder.ts";
import { growth } from "./rows/growth.ts";
import { index } from "./rows/index.ts";
import { maintenance } from "./rows/maintenance.ts";
import { manyFiles } from "./rows/many-files.ts";
import { memory } from "./rows/memory.ts";
import { put } from "./rows/put.ts";
import { ranking } from "./rows/ranking.ts";
import { refresh } from "./rows/refresh.ts";
import { search } from "./rows/search.ts";
import { start } from "./rows/start.ts";

/**
 * `npm run bench [-- <row> …]`: the figures that the design promises, each beside its floor. Every row starts the real
 * server in a temporary folder, and its load comes from a process of its own. The result is a table here and in
 * bench/results/.
 *
 *     npm run bench                              every row that needs no argument, about half an hour on two cores
 *     npm run bench -- put create --rounds 3     some of them, fewer runs
 *     npm run bench -- start [--earlier <checkout>]   the help and a server's first answer, also of an earlier version, in turns
 *     npm run bench -- ranking                   200 questions over 100 documents in ten languages
 *     npm run bench -- ranking <folder>          a collection with judgements, too: corpus.jsonl, queries.jsonl, qrels.tsv
 *     npm run bench -- folder --documents <folder> [--earlier <checkout>]   real documents, beside recollindex and an earlier version
 *     npm run bench -- extract [--documents <folder> --earlier <checkout>]   reading alone: PDFium's share, and format by format
 *     npm run bench -- refresh --earlier <checkout>                         an index that an earlier version made is read again
 *     npm run bench -- index --half              the server on half of the cores, as if the machine were smaller
 *     npm run bench -- growth maintenance --files 1000000    at full size
 */
const ROWS: Readonly<Record<string, (options: Options) => Promise<readonly Row[]>>> = {
  put,
  create,
  cycle,
  memory,
  index,
  search,
  ranking,
  "event-loop": eventLoop,
  growth,
  "many-files": manyFiles,
  start,
  maintenance,
  extract,
  folder,
  refresh,
};

/** They are taken when they are named. */
const WITH_ARGUMENTS: readonly string[] = ["folder", "refresh"];

await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  // By way of `exit`, which ends the servers that run (processes/child.ts).
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const options = readOptions(args, Object.keys(ROWS));
  const names =
    options.names.length > 0 ? options.names : Object.keys(ROWS).filter((name) => !WITH_ARGUMENTS.includes(name));
  const rows: Row[] = [];
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    rows.push(...((await ROWS[name]?.(options)) ?? []));
  }
  process.stdout.write(`${table(rows)}\n`);
  // A part is told by its name: it does not stand for the whole.
  const part = options.names.length > 0 ? `-${options.names.join("-")}` : "";
  const name = `${new Date().toISOString().slice(0, 10)}${part}`;
  const folder = fileURLToPath(new URL("./results", import.meta.url));
  process.stderr.write(`written to ${writeResults(folder, name, options.rounds, rows)}\n`);
  if (rows.some((row) => row.holds === false)) process.exitCode = 1;
}
