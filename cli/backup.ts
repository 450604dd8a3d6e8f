import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { backUp } from "../server/src/backup/backup.ts";
import { BackupError } from "../server/src/backup/manifest.ts";
import { restore } from "../server/src/backup/restore.ts";
import type { BackupReport } from "../server/src/backup/running.ts";
import { inspectCatalogue } from "../server/src/catalogue/inspect.ts";
import { createClock } from "../server/src/clock.ts";
import { ConfigError } from "../server/src/config.ts";
import { findDataFolder, lockDataFolder } from "../server/src/data-folder.ts";
import { bytesInWords, some } from "../server/src/doctor/finding.ts";
import { openBlobArchive } from "../server/src/engines/blob-archive.ts";
import { openBlobs } from "../server/src/engines/blobs.ts";
import { openCatalogue } from "../server/src/engines/catalogue.ts";
import { createIdSource } from "../server/src/ids.ts";
import { type RebuildReport, rebuildIndex } from "../server/src/indexing/rebuild.ts";
import { CliError, EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";
import { withCatalogue } from "./local-catalogue.ts";
import { withAdapters } from "./local-server.ts";
import { refuseWithoutData } from "./refuse-without-data.ts";
import { say as sayRebuilt } from "./reindex.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";

const BACKUP_HELP = `
Beside a running server or without one. Whatever was acknowledged before the backup began is in it. Stored files are immutable: on the same file
system the backup shares them with the data folder and takes seconds; elsewhere they are copied. A backup on the same disk does not survive
the disk: copy the folder away afterwards. The search index is not in it; restore makes it again.

A backup without manifest.json did not end and cannot be restored.

Examples:
  $ wharf backup /backup/wharf-$(date +%F)
  $ wharf backup /backup/today --data-dir /var/lib/wharf --json`;

const RESTORE_HELP = `
Copies a backup into a new data folder, compares every byte with its digest, and makes the search index. The folder must be empty. Keys that were
revoked after the backup are valid again: wharf keys list.

Examples:
  $ wharf restore /backup/today --data-dir /var/lib/wharf-restored
  $ wharf serve --data-dir /var/lib/wharf-restored`;

/** `wharf backup`. */
export function defineBackup(backup: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  backup
    .argument("<folder>", "a new or empty folder")
    .option("--json", "print the result as JSON")
    .addHelpText("after", BACKUP_HELP);
  addSettingFlags(backup, ["dataDir"]);
  backup.action(async (target: string, { json }: { json?: true }) => {
    const report = await takeBackup(configFrom(backup, io).dataDir, resolve(target), io);
    if (json) printJson(io, backupToJson(report));
    else io.stdout.write(sayBackup(report, resolve(target)));
    end(report.lost.length === 0 ? EXIT.ok : EXIT.failure);
  });
}

/** `wharf restore`. */
export function defineRestore(restored: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  restored
    .argument("<folder>", "a backup: the folder that wharf backup filled")
    .option("--json", "print the result as JSON")
    .addHelpText("after", RESTORE_HELP);
  addSettingFlags(restored, ["dataDir"]);
  restored.action(async (from: string, { json }: { json?: true }) => {
    const { report, rebuilt } = await takeRestore(resolve(from), configFrom(restored, io).dataDir, io);
    const { manifest, objects, bytes, damaged } = report;
    if (json) printJson(io, { taken_at: manifest.taken_at, objects, bytes, damaged, index: rebuilt });
    else {
      io.stdout.write(`Restored ${objects} objects (${bytesInWords(bytes)}) as they were at ${manifest.taken_at}.\n`);
      io.stdout.write(`${sayRebuilt(rebuilt)}\n`);
      if (damaged.length > 0)
        io.stdout.write(
          `The backup has lost or damaged ${some(damaged)}: wharf doctor names the files, use an older backup for them.\n`,
        );
    }
    end(damaged.length === 0 ? EXIT.ok : EXIT.failure);
  });
}

async function takeBackup(dataDir: string, target: string, io: Io): Promise<BackupReport> {
  refuseWithoutData(dataDir);
  const { schema, newestSchema, damage } = inspectCatalogue(findDataFolder(dataDir).catalogue);
  if (damage.length > 0)
    throw new CliError(EXIT.failure, "damaged", "The catalogue is damaged: wharf doctor says what to do.");
  // Opening it would bring it up to date under a server that does not know the new schema.
  if (schema !== newestSchema)
    throw new ConfigError(
      `The data has schema ${schema}, this Wharf ${newestSchema}: back it up with the Wharf that runs on it.`,
    );
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new ConfigError(`${target} is not empty: name a new folder for the backup.`);
  // Whatever waits for a thread that died is told why by its own rejection.
  const fatal = () => {};
  const clock = createClock();
  return withCatalogue(dataDir, "refuse", async (catalogue) => {
    const folder = findDataFolder(dataDir);
    const [from, to] = [await openBlobs({ root: folder.blobs }), await openBlobs({ root: join(target, "blobs") })];
    try {
      return await backUp({
        live: { folder, catalogue, blobs: from },
        target: { path: target, blobs: to, archive: openBlobArchive(join(target, "blobs")) },
        openCatalogue: (path) => openCatalogue({ path, fatal }),
        clock,
        ids: createIdSource(clock),
        signal: io.signal,
      });
    } finally {
      await from.close();
      await to.close();
    }
  });
}

async function takeRestore(backup: string, dataDir: string, io: Io) {
  try {
    const report = await restore({
      backup,
      dataDir,
      openArchive: openBlobArchive,
      openBlobs: (root) => openBlobs({ root }),
      signal: io.signal,
    });
    const lock = lockDataFolder(report.folder);
    try {
      const rebuilt = await withAdapters(report.folder, (local) =>
        rebuildIndex({ ...local, indexDir: local.folder.index }, { teamSlug: null, signal: io.signal }),
      );
      return { report, rebuilt: rebuilt ?? NOTHING };
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof BackupError) throw new CliError(EXIT.failure, "backup", error.message, { cause: error });
    throw error;
  }
}

const NOTHING: RebuildReport = { teams: 0, resumed: null, files: 0, chunks: 0, queued: 0 };

function backupToJson({ takenAt, endedMeanwhile, ...report }: BackupReport) {
  return { taken_at: takenAt, ...report, ended_meanwhile: endedMeanwhile };
}

function sayBackup(report: BackupReport, target: string): string {
  const { takenAt, originals, texts, segments, bytes, linked, endedMeanwhile, lost } = report;
  const lines = [
    `Backed up ${originals} originals, ${texts} texts and ${segments} pieces of unfinished uploads (${bytesInWords(bytes)}) to ${target}, as of ${takenAt}.`,
  ];
  if (linked > 0) lines.push(`${linked} objects share the data folder's disk: copy the folder to another one.`);
  if (endedMeanwhile > 0)
    lines.push(`${endedMeanwhile} files or uploads were deleted meanwhile, and are so in the backup.`);
  if (lost.length > 0)
    lines.push(
      `The data folder has lost or damaged ${some(lost)}: run wharf doctor --deep, and keep your older backups.`,
    );
  return `${lines.join("\n")}\n`;
}
