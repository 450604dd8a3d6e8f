import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createLog } from "../log.ts";
import type { Extractor } from "./extractor.ts";
import { documentNamed, readAll } from "./fixtures/reading.ts";
import { createExtractionPool } from "./pool.ts";

/** Against readers that were taken over (fixtures/children/taken-over.ts), on a pool with few places, so that children are used again. */
let pool: Extractor;
before(async () => {
  const entry = join(import.meta.dirname, "fixtures/children/taken-over.ts");
  pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry });
});
after(() => pool.close());

/** What is read out of a document of `teamId`. */
async function textOf(teamId: string, filename: string, content = ""): Promise<string> {
  const { signal } = new AbortController();
  const pages = await readAll(pool.extract(documentNamed(filename, content, teamId), { signal, lane: "fast" }));
  return pages.map(({ text }) => text).join("");
}

test("a reader that keeps what it reads has only its own team's documents to give away", async () => {
  await textOf("team_evil", "keep");
  assert.equal(await textOf("team_evil", "own.txt", "an own document"), "an own document");
  assert.equal(await textOf("team_good", "merger.txt", "a document of another team"), "a document of another team");
  // Its own it has kept, so it is the same child, and the attack works as far as it goes.
  assert.equal(await textOf("team_evil", "give away"), JSON.stringify(["own.txt: an own document", "give away: "]));
});
