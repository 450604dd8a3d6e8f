import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Api } from "../support/api.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { compileFaultFs, readFaultLog } from "./fault-fs.ts";

/** What the catalogue's file system sees of an acknowledged create. */

const folder = await mkdtemp(join(tmpdir(), "wharf-commit-"));
after(() => rm(folder, { recursive: true, force: true }));
const compiled = await compileFaultFs(folder);
const skip = "missing" in compiled ? compiled.missing : NEEDS_OWN_SERVER;
const CREATES = 20;

test("each create that is acknowledged by itself has synced the catalogue's log before its 201", { skip }, async () => {
  const log = join(folder, "log");
  const dataDir = await mkdtemp(join(folder, "data-"));
  const server = await TestServer.start({
    WHARF_DATA_DIR: dataDir,
    LD_PRELOAD: "shim" in compiled ? compiled.shim : "",
    FAULT_ROOT: join(dataDir, "catalogue.db"),
    FAULT_LOG: log,
    FAULT_AT: "0",
    FAULT_ACT: "5",
  });
  try {
    const api = new Api(server.url, server.key);
    const syncs = async () =>
      (await readFaultLog(log)).filter(({ op, path }) => op === "fsync" && path.endsWith("-wal")).length;
    for (let n = 0; n < CREATES; n++) {
      const before = await syncs();
      await api.create(5);
      assert.ok((await syncs()) > before, `create ${n} was acknowledged without a sync`);
    }
  } finally {
    await server.close();
  }
});
