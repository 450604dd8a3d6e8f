import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FILE_WARNINGS } from "../errors.ts";
import { createLog } from "../log.ts";
import { type ExtractionEvent, ExtractionFault, type Extractor } from "./extractor.ts";
import { createExtractionPool } from "./pool.ts";

let pool: Extractor;
before(async () => {
  const entry = join(import.meta.dirname, "fixtures/children/misbehaving.ts");
  pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry });
});
after(() => pool.close());

async function read(filename: string): Promise<readonly ExtractionEvent[]> {
  async function* open(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("");
  }
  const source = { teamId: "team_a", filename, title: "", declaredType: "", sizeBytes: 0, open };
  const events: ExtractionEvent[] = [];
  for await (const event of pool.extract(source, { signal: new AbortController().signal, lane: "fast" }))
    events.push(event);
  return events;
}

test("what a child warns of is an event behind its pages", async () => {
  assert.deepEqual((await read("warnings")).at(-1), {
    kind: "warnings",
    warnings: [{ code: "part_skipped", message: `${FILE_WARNINGS.part_skipped} (hidden sheets)`, pages: [1] }],
  });
});

for (const lie of ["warning of a page to come", "warning of a page twice", "warnings twice"])
  test(`a child that sends a ${lie} has broken the protocol`, async () => {
    await assert.rejects(read(lie), (error) => {
      assert.ok(error instanceof ExtractionFault);
      assert.deepEqual([error.code, error.permanent, error.death], ["corrupt_file", false, true]);
      return true;
    });
  });
