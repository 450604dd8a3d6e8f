import assert from "node:assert/strict";
import { test } from "node:test";
import { ExtractionFault, type Extractor } from "../../src/extraction/extractor.ts";
import { createExtractionPool } from "../../src/extraction/pool.ts";
import { createLog } from "../../src/log.ts";
import { ChildWatch } from "./child-watch.ts";
import { HOSTILE_FILES } from "./hostile-files.ts";

const BOMBS = HOSTILE_FILES.filter(({ filename }) => ["nested-states.pdf", "form-laughs.pdf"].includes(filename));
const SMALL_BOMB_MIB = 320;

test("a small PDF that unfolds without end is stopped long before its child's memory is full", async (t) => {
  const pool = await createExtractionPool({ places: 1, log: createLog("silent") });
  t.after(() => pool.close());
  const watch = new ChildWatch(() => process.pid);
  assert.equal(BOMBS.length, 2);
  for (const { filename, bytes } of BOMBS) {
    const content = bytes();
    const open = async function* () {
      yield content;
    };
    const source = { teamId: "team_a", filename, title: "", declaredType: "", sizeBytes: content.length, open };
    const events = pool.extract(source, { signal: new AbortController().signal, lane: "fast" });
    await assert.rejects(
      readAll(events),
      (error) => error instanceof ExtractionFault && error.code === "extraction_memory",
    );
  }
  const peakMib = watch.stop().peakRssBytes / 2 ** 20;
  assert.ok(peakMib > 0 && peakMib < SMALL_BOMB_MIB, `${peakMib} MiB`);
});

async function readAll(events: ReturnType<Extractor["extract"]>): Promise<number> {
  let count = 0;
  for await (const _ of events) count += 1;
  return count;
}
