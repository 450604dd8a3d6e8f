import assert from "node:assert/strict";
import { run } from "../../../cli/test-support.ts";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/log.ts";
import { type RunningWharf, startWharf } from "../../src/start.ts";
import { Api } from "../support/api.ts";
import { keptOf, put, UNIT } from "../support/bytes.ts";
import { at, textAt } from "../support/json.ts";
import type { Random } from "../support/random.ts";
import { auditFolder } from "./folder-audit.ts";
import { auditUpload } from "./killer-audit.ts";
import { bringIn, create, expectStatus, type Upload, Violation } from "./killer-client.ts";
import { Ledger } from "./ledger.ts";

/**
 * Clients beside a backup, what they had been promised when it began, and the look whether a restored copy keeps that.
 */

/** What had been acknowledged at one moment. */
export interface Promised {
  /** As they were then, and the same as they are now. */
  readonly uploads: readonly { readonly before: Upload; readonly now: Upload }[];
  /** Files whose DELETE was answered. */
  readonly removed: readonly string[];
}

export interface BackupLoadOptions {
  readonly api: Api;
  readonly random: Random;
  readonly clients: number;
  /** The oldest file beyond so many is deleted, so that a backup meets removals, too. */
  readonly filesKept: number;
}

/** Uploads that stand half way. */
const HALVES_KEPT = 4;

export class BackupLoad {
  readonly ledger: Ledger;
  readonly #options: BackupLoadOptions;
  readonly #halves: Upload[] = [];
  /** Files whose DELETE was sent, and whether it was answered. */
  readonly #removed = new Map<string, boolean>();
  #running: Promise<void>[] = [];
  #over = false;

  constructor(options: BackupLoadOptions) {
    this.#options = options;
    this.ledger = new Ledger(options.random);
  }

  start(): void {
    this.#over = false;
    this.#running = Array.from({ length: this.#options.clients }, async () => {
      while (!this.#over) await this.#step().catch((error: unknown) => this.ledger.note("a client", error));
    });
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  promised(): Promised {
    return {
      uploads: this.ledger.uploads
        .filter((upload) => upload.sessionId !== null)
        .map((now) => ({ before: { ...now }, now })),
      removed: [...this.#removed].filter(([, answered]) => answered).map(([fileId]) => fileId),
    };
  }

  /**
   * Asks a server on a restored copy for all of it; what is not there is noted in the ledger. Brings unfinished uploads
   * to their end there.
   */
  async audit(there: Api, { uploads, removed }: Promised): Promise<void> {
    const kept: Upload[] = [];
    for (const { before, now } of uploads)
      await this.ledger.judge(before, async () => {
        // Deleted since: either it was in the backup, or its end was.
        if (now.fileId !== null && this.#removed.has(now.fileId) && (await isOver(there, now))) return;
        await auditUpload(there, before);
        await bringIn(there, before);
        kept.push(before);
      });
    await this.ledger.auditSettled(there, kept);
    for (const fileId of removed)
      if (!(await isDeleted(there, fileId)))
        this.ledger.note(fileId, new Violation("it had been deleted, and is there again"));
  }

  async #step(): Promise<void> {
    const { api, random, filesKept } = this.#options;
    const finalized = this.ledger.finalized;
    const [oldest] = finalized;
    if (finalized.length > filesKept && oldest !== undefined) return this.#remove(oldest);
    if (random.next() < 0.3) return this.#half();
    await bringIn(api, this.ledger.newUpload());
  }

  /** One unit of a longer upload; some later step sends the rest of it. */
  async #half(): Promise<void> {
    const { api } = this.#options;
    const oldest = this.#halves.length >= HALVES_KEPT ? this.#halves.shift() : undefined;
    if (oldest !== undefined) return bringIn(api, oldest);
    const upload = this.ledger.newLongUpload();
    await create(api, upload);
    const { bytes, uploadPath } = upload;
    const range = `0-${UNIT - 1}/${bytes.length}`;
    upload.keptBytes = keptOf(await put(api.base + uploadPath, range, bytes.subarray(0, UNIT)));
    this.#halves.push(upload);
  }

  async #remove(upload: Upload): Promise<void> {
    const { fileId } = upload;
    if (fileId === null) return;
    this.ledger.forget(upload);
    this.#removed.set(fileId, false);
    expectStatus(await this.#options.api.deleteFile(fileId), 200, "delete");
    this.#removed.set(fileId, true);
  }
}

/** Its file is deleted; or it is not finalized there, and cannot be any more. */
async function isOver(api: Api, { sessionId, fileId }: Upload): Promise<boolean> {
  const session = await api.session(sessionId ?? "");
  if (textAt(session.json, "status") === "cancelled") return true;
  return at(session.json, "file_id") === fileId && isDeleted(api, fileId ?? "");
}

async function isDeleted(api: Api, fileId: string): Promise<boolean> {
  const { json } = await api.file(fileId);
  return textAt(json, "status") === "deleted";
}

/** A server in this process. */
export function startOn(dataDir: string): Promise<RunningWharf> {
  const flags = { port: "0", dataDir, workers: "1", createsPerSecond: "100000", diskReserveBytes: "0" };
  return startWharf(readConfig(flags, {}), { log: createLog("silent") });
}

/**
 * Restores into `copy` and runs a server there; when `work` is done it is stopped, and its folder compared with
 * its catalogue.
 */
export async function withRestored(
  backup: string,
  copy: string,
  key: string,
  work: (there: Api) => Promise<void>,
): Promise<void> {
  const command = await run(["restore", backup, "--data-dir", copy, "--json"]);
  assert.equal(command.exitCode, 0, command.stderr + command.stdout);
  const second = await startOn(copy);
  try {
    assert.equal(second.firstKey, null);
    await work(new Api(second.url, key));
  } finally {
    await second.stop();
  }
  assert.deepEqual((await auditFolder(copy)).problems, []);
}
