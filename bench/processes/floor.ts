import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textAt } from "../../server/test/support/json.ts";
import { type Child, startChild } from "./child.ts";

/** A bare server (floors/server.ts) in a folder of its own. */
export interface Floor {
  readonly url: string;
  close(): Promise<void>;
}

export async function startFloor(duty: "bytes" | "commits" | "indexing"): Promise<Floor> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-floor-"));
  const entry = join(import.meta.dirname, "../floors/server.ts");
  const child: Child = await startChild([entry, folder, duty], { withinMs: 60_000 });
  return {
    url: textAt(child.first, "url"),
    async close() {
      await child.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
