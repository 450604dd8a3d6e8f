import type { Api } from "../support/api.ts";
import { reconciled } from "../support/maintenance.ts";
import type { Random } from "../support/random.ts";
import type { TestServer } from "../support/server.ts";
import { auditFolder } from "./folder-audit.ts";
import { auditSettled, auditUpload } from "./killer-audit.ts";
import { bringIn, newLongUpload, newUpload, type Upload } from "./killer-client.ts";

const SETTLED_WITHIN_MS = 120_000;
const MAX_VIOLATIONS = 20;

/** What the clients of a run were promised, and which promises did not hold. */
export class Ledger {
  readonly uploads: Upload[] = [];
  readonly violations: string[] = [];
  readonly #random: Random;
  /** Uploads that were begun. */
  made = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Enough is wrong: the run may end. */
  get isFull(): boolean {
    return this.violations.length >= MAX_VIOLATIONS;
  }

  newUpload(): Upload {
    return this.#added(newUpload(this.#random, this.made++));
  }

  newLongUpload(): Upload {
    return this.#added(newLongUpload(this.#random, this.made++));
  }

  /** Its file is about to be deleted: from now on it is promised nothing here. */
  forget(upload: Upload): void {
    this.uploads.splice(this.uploads.indexOf(upload), 1);
  }

  get sessions(): number {
    return this.uploads.filter((upload) => upload.sessionId !== null).length;
  }

  get finalized(): readonly Upload[] {
    return this.uploads.filter((upload) => upload.fileId !== null);
  }

  note(who: string, error: unknown): void {
    if (!this.isFull) this.violations.push(`${who}: ${String(error)}`);
  }

  /** Runs an audit of one upload; what it finds is noted. */
  async judge(upload: Upload, audit: () => Promise<void>): Promise<void> {
    if (this.isFull) return;
    try {
      await audit();
    } catch (error) {
      this.note(nameOf(upload), error);
    }
  }

  /** Audits every upload that got an answer since the last time, and returns them. */
  async auditTouched(api: Api): Promise<readonly Upload[]> {
    const touched = this.uploads.filter((upload) => upload.touched);
    for (const upload of touched) {
      await this.judge(upload, () => auditUpload(api, upload));
      upload.touched = false;
    }
    return touched;
  }

  /** Each file of these is indexed in the end, and found. */
  async auditSettled(api: Api, uploads: readonly Upload[]): Promise<void> {
    for (const upload of uploads) await this.judge(upload, () => auditSettled(api, upload, SETTLED_WITHIN_MS));
  }

  /**
   * Lets every upload come to its end, then stops the server in order and looks at what lies in the folder. `others`:
   * files that are there beside the uploads'.
   */
  async finish(server: TestServer, api: Api, others = 0): Promise<void> {
    for (const upload of this.uploads) await this.judge(upload, () => bringIn(api, upload));
    for (const upload of this.uploads) await this.judge(upload, () => auditUpload(api, upload));
    await this.auditSettled(api, this.uploads);
    await server.end("SIGTERM");
    // Once more: maintenance removes what the last round left.
    await server.begin();
    await reconciled(server.url);
    await server.end("SIGTERM");
    const { problems, files } = await auditFolder(server.dataDir);
    for (const problem of problems) this.note("the data folder", problem);
    const expected = this.finalized.length + others;
    if (files !== expected) this.note("the data folder", `${files} files instead of ${expected}`);
  }

  #added(upload: Upload): Upload {
    this.uploads.push(upload);
    return upload;
  }
}

export function nameOf(upload: Upload): string {
  return `${upload.sessionId ?? upload.key} ${upload.fileId ?? ""}`;
}
