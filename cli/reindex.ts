import type { Command } from "commander";
import { createClock } from "../server/src/clock.ts";
import { queueOutdated } from "../server/src/files/outdated.ts";
import { createIdSource } from "../server/src/ids.ts";
import { type RebuildReport, rebuildIndex, teamNamed } from "../server/src/indexing/rebuild.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";
import { withCatalogue } from "./local-catalogue.ts";
import { withStoppedServer } from "./local-server.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";

const HELP = `
The search index is made from the kept text of each file, so it can be made again: after damage (wharf doctor says so),
or when a new version of Wharf asks for it. Documents are not read again, and no file changes its state. The server must
not run meanwhile.

It may be stopped at any time: the same command goes on where it was. A server that is started before notices, and reads
whatever is missing again by itself, which takes longer.

With --outdated, files are read again from their originals that an older version of Wharf read: after an update that
changes what is read, which its CHANGELOG says. The server may run meanwhile, and should: it does the reading, in the
slow lane, behind uploads. Searches find the present text of each file until its new one is there. Run it again at any
time: what is queued is not queued twice.

Examples:
  $ wharf reindex
  $ wharf reindex --outdated
  $ wharf reindex --team legal --data-dir /var/lib/wharf`;

/** `wharf reindex`: the search index from the kept text. */
export function defineReindex(command: Command, io: Io): void {
  command
    .option("--outdated", "read the originals again that an older version read; beside a running server")
    .option("--team <slug>", "only this team's index (default: all)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async ({ team, json, outdated }: { team?: string; json?: true; outdated?: true }) => {
    if (outdated) return readOutdated(configFrom(command, io).dataDir, team ?? null, json === true, io);
    const report = await withStoppedServer(configFrom(command, io).dataDir, (local) =>
      rebuildIndex(
        { ...local, indexDir: local.folder.index },
        {
          teamSlug: team ?? null,
          signal: io.signal,
          onProgress: ({ slug }, { files, chunks }) => {
            if (json !== true) io.stderr.write(`${slug} is done: ${files} files, ${chunks} passages so far.\n`);
          },
        },
      ),
    );
    if (report === null)
      throw new CliError(EXIT.usage, "usage", `There is no team ${team}; wharf keys list shows them all.`);
    if (json) printJson(io, { ...report });
    else io.stdout.write(`${say(report)}\n`);
  });
}

async function readOutdated(dataDir: string, slug: string | null, json: boolean, io: Io): Promise<void> {
  const report = await withCatalogue(dataDir, "refuse", async (catalogue) => {
    const team = slug === null ? null : await teamNamed(catalogue, slug);
    if (slug !== null && team === null)
      throw new CliError(EXIT.usage, "usage", `There is no team ${slug}; wharf keys list shows them all.`);
    return queueOutdated({ catalogue, ids: createIdSource(createClock()) }, team?.id ?? null, io.signal);
  });
  const { queued, underWay } = report;
  if (json) printJson(io, { queued, under_way: underWay });
  else if (queued === 0 && underWay === 0) io.stdout.write("No file is outdated: this version read them all.\n");
  else {
    const already = underWay === 0 ? "" : ` ${underWay} more are queued already.`;
    io.stdout.write(`${queued} files are queued to be read again; the server does it when it runs.${already}\n`);
  }
}

export function say({ teams, resumed, files, chunks, queued }: RebuildReport): string {
  const went = resumed === null ? "" : "The rebuild that was interrupted has gone on. ";
  const again =
    queued === 0
      ? ""
      : ` The kept text of ${queued} files is missing or damaged: they are queued, and the server reads them again when it runs.`;
  return `${went}Indexed ${files} files of ${teams} teams in ${chunks} passages.${again}`;
}
