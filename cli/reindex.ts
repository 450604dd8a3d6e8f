import type { Command } from "commander";
import { type RebuildReport, rebuildIndex } from "../server/src/indexing/rebuild.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";
import { withStoppedServer } from "./local-server.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";

const HELP = `
The search index is made from the kept text of each file, so it can be made again: after damage (wharf doctor says so), or when a new version
of Wharf asks for it. Documents are not read again, and no file changes its state. The server must not run meanwhile.

It may be stopped at any time: the same command goes on where it was. A server that is started before notices, and reads whatever is missing
again by itself, which takes longer.

Examples:
  $ wharf reindex
  $ wharf reindex --team legal --data-dir /var/lib/wharf`;

/** `wharf reindex`: the search index from the kept text. */
export function addReindex(program: Command, io: Io): void {
  const command = program
    .command("reindex")
    .description("make the search index anew, while the server is stopped")
    .option("--team <slug>", "only this team's index (default: all)")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async ({ team, json }: { team?: string; json?: true }) => {
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

export function say({ teams, resumed, files, chunks, queued }: RebuildReport): string {
  const went = resumed === null ? "" : "The rebuild that was interrupted has gone on. ";
  const again =
    queued === 0
      ? ""
      : ` The kept text of ${queued} files is missing or damaged: they are queued, and the server reads them again when it runs.`;
  return `${went}Indexed ${files} files of ${teams} teams in ${chunks} passages.${again}`;
}
