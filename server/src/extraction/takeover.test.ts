import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createLog } from "../log.ts";
import { ExtractionFault, type Extractor } from "./extractor.ts";
import { PROTOCOL_ATTACKS } from "./fixtures/attacks/protocol-attacks.ts";
import { documentNamed, failure, readAll } from "./fixtures/reading.ts";
import { createExtractionPool } from "./pool.ts";

/**
 * Against readers that were taken over (fixtures/children/taken-over.ts), on a pool with few places, so that children
 * are used again.
 */
let pool: Extractor;
before(async () => {
  const entry = join(import.meta.dirname, "fixtures/children/taken-over.ts");
  const limits = { rssBytes: 400 * 1024 * 1024, cpuMs: 5000, wallMs: 5000, stoppedMs: 3000 };
  pool = await createExtractionPool({ places: 1, log: createLog("silent"), entry, limits });
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

const OVER_TIME = ["extraction_timeout"] as const;
const OVER_MEMORY = ["extraction_memory", "extraction_timeout"] as const;

/**
 * Which of two limits is met first depends on the machine. Whatever is not here breaks the protocol, and is a damaged
 * file.
 */
const otherEnds: Readonly<Record<string, readonly ExtractionFault["code"][]>> = {
  "a promise of 90 MiB": OVER_TIME,
  "progress without end": OVER_TIME,
  "last words without end": OVER_TIME,
  "for ever": OVER_TIME,
  silence: OVER_TIME,
  "all the memory": OVER_MEMORY,
  "three million pages": ["corrupt_file", "extraction_timeout"],
};

for (const name of Object.keys(PROTOCOL_ATTACKS)) {
  if (name === "the end before the document") continue;
  const codes = otherEnds[name] ?? ["corrupt_file"];
  test(`a reader that says "${name}" costs its own document ${codes.join(" or ")}, and nobody else anything`, async () => {
    // The harmless control: the same reader reads.
    assert.equal(await textOf("team_evil", "control.txt", "read as ever"), "read as ever");
    const { signal } = new AbortController();
    const error = await failure(pool.extract(documentNamed(name, "", "team_evil"), { signal, lane: "fast" }));
    assert.ok(error instanceof ExtractionFault, String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    assert.equal(error.death, true);
    assert.ok(error.message.length < 400 && !/[<\u0000-\u001f]/.test(error.message), error.message.slice(0, 500));
    assert.equal(await textOf("team_good", "next.txt", "the next document"), "the next document");
  });
}

test("a reader that ends before its document has said nothing of it", async () => {
  assert.equal(await textOf("team_evil", "the end before the document"), "");
});
