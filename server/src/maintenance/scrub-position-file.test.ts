import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openTestCatalogue } from "../tasks/test-catalogue.ts";
import { readPositions } from "./position.store.ts";
import { adoptScrubPosition } from "./scrub-position-file.ts";

test("what an earlier version's scrubber knew moves from its file to the catalogue, once", async (t) => {
  const on = await openTestCatalogue();
  t.after(() => on.close());
  const path = join(on.folder, "scrub-position");
  const position = JSON.stringify({ after: "file_1", damaged: ["file_0"] });
  await writeFile(path, position);
  await adoptScrubPosition(on.catalogue, on.folder);
  assert.equal(existsSync(path), false);
  assert.deepEqual(await on.catalogue.run(readPositions, {}), [{ chore: "scrub_originals", position }]);
  await adoptScrubPosition(on.catalogue, on.folder);
  assert.equal((await on.catalogue.run(readPositions, {})).length, 1);
});
