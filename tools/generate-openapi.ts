import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../server/src/config.ts";
import { startWharf } from "../server/src/start.ts";
import { keepGenerated } from "./generated-file.ts";

/** `openapi.json` at the root: what a server with default settings serves at `/openapi.json`, asked of a real one. */
async function servedDocument(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-openapi-"));
  try {
    const config = readConfig({ dataDir: join(folder, "data"), port: "0", workers: "1", logLevel: "error" }, {});
    const wharf = await startWharf(config);
    try {
      const answer = await fetch(`${wharf.url}/openapi.json`);
      return `${JSON.stringify(await answer.json(), null, 2)}\n`;
    } finally {
      await wharf.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const document = await servedDocument();
  await keepGenerated(join(import.meta.dirname, "../openapi.json"), () => document, process.argv.includes("--check"));
}
