import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Api } from "../support/api.ts";
import { put } from "../support/bytes.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { compileFaultFs, type FileOperation, readFaultLog } from "./fault-fs.ts";

/** The whole server on a file system that fails once, where a blob gets its name. */

const folder = await mkdtemp(join(tmpdir(), "wharf-finalize-"));
after(() => rm(folder, { recursive: true, force: true }));
const compiled = await compileFaultFs(folder);
const skip = "missing" in compiled ? compiled.missing : NEEDS_OWN_SERVER;
const shim = "shim" in compiled ? compiled.shim : "";
const DOCUMENT = Buffer.from("the harbour master counts the ships at night");

test("a finalize after one that could not sync the blob's folder syncs it before its 201 (FIN-1)", {
  skip,
}, async () => {
  const clean = await finalizeUnderFault(0, 1);
  assert.deepEqual(clean.statuses, [201]);
  const sync = clean.operations.findLast(({ op }) => op === "fsync");
  assert.ok(sync !== undefined && clean.operations.some(({ op, n }) => op === "link" && n < sync.n));
  const { statuses, operations } = await finalizeUnderFault(sync.n, 2);
  assert.deepEqual(statuses, [503, 201], "a failed fsync is no 201, and the retry is");
  const later = operations.filter(({ n }) => n > sync.n).map(({ op }) => op);
  assert.ok(
    later.includes("rename") && later.at(-1) === "fsync",
    `after the failed fsync came only: ${later.join(", ") || "nothing"}`,
  );
});

/** Uploads the document and finalizes it `times`; the fault shim watches the folder of originals alone. */
async function finalizeUnderFault(
  at: number,
  times: number,
): Promise<{ statuses: number[]; operations: FileOperation[] }> {
  const log = join(folder, `log-${at}`);
  const dataDir = await mkdtemp(join(folder, "data-"));
  const server = await TestServer.start({
    WHARF_DATA_DIR: dataDir,
    WHARF_WORKERS: "1",
    LD_PRELOAD: shim,
    FAULT_ROOT: join(dataDir, "blobs", "originals/"),
    FAULT_LOG: log,
    FAULT_AT: String(at),
    FAULT_ACT: "5",
  });
  try {
    const api = new Api(server.url, server.key);
    const session = await api.create(DOCUMENT.length);
    assert.equal((await put(session.url, null, DOCUMENT)).status, 200);
    const statuses: number[] = [];
    for (let n = 0; n < times; n++) statuses.push((await api.finalize(session.id)).status);
    const operations = await readFaultLog(log);
    // The worker reads the blob: no part of finalize.
    return {
      statuses,
      operations: operations.filter(({ op, path }) => op !== "read" && !(op === "open" && path.includes("/sess_"))),
    };
  } finally {
    await server.close();
  }
}
