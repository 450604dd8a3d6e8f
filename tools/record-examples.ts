import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../server/src/config.ts";
import type { RecordedExample } from "../server/src/http/openapi-examples.ts";
import { startWharf } from "../server/src/start.ts";
import { Recorder } from "./examples/recorder.ts";
import { recordAll } from "./examples/scenario.ts";

/**
 * The examples of `/openapi.json`: every operation asked once of a real server, with what it answered. Nobody writes
 * them by hand, so that none says what the server does not. Ids, times and the address are made the same each time.
 */
async function recordExamples(): Promise<Readonly<Record<string, RecordedExample>>> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-examples-"));
  try {
    const settings = { dataDir: join(folder, "data"), port: "0", workers: "1", logLevel: "error" };
    const wharf = await startWharf(readConfig({ ...settings, createsPerSecond: "1000" }, {}));
    try {
      if (wharf.firstKey === null) throw new Error("a new folder has a first key");
      const recorder = new Recorder(wharf.url, wharf.firstKey.key);
      await recordAll(recorder);
      return recorder.recorded();
    } finally {
      await wharf.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const path = join(import.meta.dirname, "../server/src/http/openapi-examples.json");
  await writeFile(path, `${JSON.stringify(await recordExamples(), null, 2)}\n`);
}
