import type { Command } from "commander";
import { findDataFolder, lockDataFolder } from "../server/src/data-folder.ts";
import { examine } from "../server/src/doctor/doctor.ts";
import type { Finding } from "../server/src/doctor/finding.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, printJson, styled } from "./io.ts";
import { withAdapters } from "./local-server.ts";
import { refuseWithoutData } from "./refuse-without-data.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";

const HELP = `
Looks at the data folder, its modes, the disk, the databases, the search index and the stored files, and says of each whether it is as it
should be and what to do when it is not. It changes nothing, and may be run beside a running server.

--repair mends what can be mended without a backup: it removes what belongs to nothing, counts again, and queues files that the index lacks.
The server must not run meanwhile. Exit code 0: healthy; 1: there is something to do.

Examples:
  $ wharf doctor
  $ wharf doctor --deep                   compare every stored byte with its digest
  $ wharf doctor --repair --data-dir /var/lib/wharf
  $ wharf doctor --json | jq '.findings[] | select(.state == "problem")'`;

/** `wharf doctor`: what is wrong with a data folder, and what to do. */
export function defineDoctor(command: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  command
    .option("--repair", "mend what can be mended; the server must be stopped")
    .option("--deep", "read every byte of every original")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir", "diskReserveBytes"]);
  command.action(async ({ repair, deep, json }: { repair?: true; deep?: true; json?: true }) => {
    const config = configFrom(command, io);
    refuseWithoutData(config.dataDir);
    // Not openDataFolder: that makes what is missing and refuses wrong modes, and both are findings here.
    const folder = findDataFolder(config.dataDir);
    const options = {
      repair: repair === true,
      deep: deep === true,
      reserveBytes: config.diskReserveBytes,
      signal: io.signal,
    };
    const lock = options.repair ? lockDataFolder(folder) : null;
    const findings: Finding[] = [];
    try {
      for await (const found of examine(folder, options, (work) => withAdapters(folder, work))) {
        findings.push(found);
        if (json !== true) io.stdout.write(line(io, found));
      }
    } finally {
      lock?.release();
    }
    const healthy = findings.every(({ state }) => state !== "problem");
    if (json) printJson(io, { healthy, findings });
    else io.stdout.write(healthy ? "\nNothing is wrong.\n" : "\nThere is something to do.\n");
    end(healthy ? EXIT.ok : EXIT.failure);
  });
}

const COLOURS = { ok: "green", note: "cyan", problem: "red", repaired: "yellow" } as const;

function line(io: Io, { state, check, say }: Finding): string {
  return `${styled(io.stdout, COLOURS[state], state.padEnd(8))}  ${check.padEnd(11)}  ${say}\n`;
}
