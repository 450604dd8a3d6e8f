import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../../../cli/test-support.ts";
import { Api } from "../support/api.ts";
import { listAt, numberAt } from "../support/json.ts";
import { seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { BackupLoad, withRestored } from "./backup-load.ts";
import { eventually } from "./processes.ts";

/**
 * Backs a server up again and again while clients upload and delete, restores each backup elsewhere, and asks a server
 * there for everything that had been acknowledged when it began (R20):
 *
 *     node server/test/faults/backups.ts --times 20 [--seed 1] [--clients 4]
 *
 * Exit code 0: all of it was there each time. 1: what was not is printed. The short form is in backup.test.ts.
 */
export interface BackupsOptions {
  readonly times: number;
  readonly seed: number;
  readonly clients: number;
  readonly progress: (line: string) => void;
}

export interface BackupsReport {
  readonly times: number;
  /** Looks at one upload on a restored server. */
  readonly audited: number;
  /** Files and sessions that ended while a backup ran. */
  readonly endedMeanwhile: number;
  readonly slowestBackupMs: number;
  readonly violations: readonly string[];
}

const FILES_KEPT = 24;
/** New uploads before each backup. */
const UPLOADS_BEFORE = 20;

export async function runBackups({ times, seed, clients, progress }: BackupsOptions): Promise<BackupsReport> {
  const root = await mkdtemp(join(tmpdir(), "wharf-backups-"));
  const server = await TestServer.start({ WHARF_LOG_LEVEL: "warn" });
  const load = new BackupLoad({
    api: new Api(server.url, server.key),
    random: seededRandom(seed),
    clients,
    filesKept: FILES_KEPT,
  });
  const { violations } = load.ledger;
  let [audited, endedMeanwhile, slowestBackupMs] = [0, 0, 0];
  try {
    for (let time = 1; time <= times && !load.ledger.isFull; time++) {
      load.start();
      const wanted = load.ledger.made + UPLOADS_BEFORE;
      await eventually("enough is uploaded", 120_000, () => load.ledger.made >= wanted || load.ledger.isFull);
      const promised = load.promised();
      const backup = join(root, "backup");
      const began = performance.now();
      const { exitCode, json, stderr, stdout } = await run(["backup", backup, "--data-dir", server.dataDir, "--json"]);
      const tookMs = Math.round(performance.now() - began);
      await load.stop();
      slowestBackupMs = Math.max(slowestBackupMs, tookMs);
      if (exitCode !== 0 || listAt(json, "lost").length > 0) load.ledger.note(`backup ${time}`, stderr + stdout);
      endedMeanwhile += numberAt(json, "ended_meanwhile");
      const copy = join(root, "copy");
      await withRestored(backup, copy, server.key, (there) => load.audit(there, promised)).catch((error: unknown) =>
        load.ledger.note(`restore ${time}`, error),
      );
      audited += promised.uploads.length;
      for (const folder of [backup, copy]) await rm(folder, { recursive: true });
      progress(
        `${time}/${times} backups, the last took ${tookMs} ms and held ${promised.uploads.length} uploads and ${promised.removed.length} deletions, ${violations.length} violations`,
      );
    }
    return { times, audited, endedMeanwhile, slowestBackupMs, violations };
  } finally {
    await load.stop();
    await server.close();
    await rm(root, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      times: { type: "string", default: "20" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      clients: { type: "string", default: "4" },
    },
  });
  const options = { times: Number(values.times), seed: Number(values.seed), clients: Number(values.clients) };
  console.log(JSON.stringify(options));
  const report = await runBackups({ ...options, progress: (line) => console.log(line) });
  console.log(JSON.stringify(report, null, 2));
  if (report.violations.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
