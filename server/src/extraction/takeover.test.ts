import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import type { Log } from "../log.ts";
import { ExtractionFault, type Extractor, ExtractorTrouble } from "./extractor.ts";
import { DEAF_AFTERWARDS, EVIL_WORDS, PROTOCOL_ATTACKS } from "./fixtures/attacks/protocol-attacks.ts";
import { documentNamed, failure, readAll } from "./fixtures/reading.ts";
import { createExtractionPool } from "./pool.ts";

/**
 * Against readers that were taken over (fixtures/children/taken-over.ts), on a pool with few places, so that children
 * are used again.
 */
let pool: Extractor;
/** For what ends by a limit. The other one's are for a machine that does other things. */
let hurried: Extractor;
const logged: string[] = [];
before(async () => {
  const entry = join(import.meta.dirname, "fixtures/children/taken-over.ts");
  const open = (ms: number) => {
    const limits = { rssBytes: 400 * 1024 * 1024, cpuMs: ms, wallMs: ms, stoppedMs: ms };
    return createExtractionPool({ places: 1, log: logInto(logged), entry, limits });
  };
  [pool, hurried] = await Promise.all([open(300_000), open(5000)]);
});
after(() => Promise.all([pool.close(), hurried.close()]));

/** What is read out of a document of `teamId`. */
async function textOf(teamId: string, filename: string, content = "", from = pool): Promise<string> {
  const { signal } = new AbortController();
  const pages = await readAll(from.extract(documentNamed(filename, content, teamId), { signal, lane: "fast" }));
  return pages.map(({ text }) => text).join("");
}

test("a reader that keeps what it reads has only its own team's documents to give away", async () => {
  await textOf("team_evil", "keep");
  assert.equal(await textOf("team_evil", "own.txt", "an own document"), "an own document");
  assert.equal(await textOf("team_good", "merger.txt", "a document of another team"), "a document of another team");
  // Its own it has kept, so it is the same child, and the attack works as far as it goes.
  assert.equal(await textOf("team_evil", "give away"), JSON.stringify(["own.txt: an own document", "give away: "]));
});

/** All of an error: its causes, and what hangs on it. */
const INSIDE = { depth: 10, showHidden: true, maxStringLength: null };

const OVER_TIME = ["extraction_timeout"] as const;
const OVER_MEMORY = ["extraction_memory", "extraction_timeout"] as const;

/**
 * Which of two limits is met first depends on the machine. Whatever is not here breaks the protocol, and is a damaged
 * file.
 */
const otherEnds: Readonly<Record<string, readonly ExtractionFault["code"][]>> = {
  "a promise of 90 MiB": OVER_TIME,
  "last words without end": OVER_TIME,
  "for ever": OVER_TIME,
  silence: OVER_TIME,
  "last words of its own": ["too_complex"],
  "all the memory": OVER_MEMORY,
};

for (const name of Object.keys(PROTOCOL_ATTACKS)) {
  const limited = otherEnds[name];
  const codes = limited ?? ["corrupt_file"];
  test(`a reader that says "${name}" costs its own document ${codes.join(" or ")}, and nobody else anything`, async () => {
    const from = limited === undefined ? pool : hurried;
    // The harmless control: the same reader reads.
    assert.equal(await textOf("team_evil", "control.txt", "read as ever", from), "read as ever");
    const { signal } = new AbortController();
    const error = await failure(from.extract(documentNamed(name, "", "team_evil"), { signal, lane: "fast" }));
    assert.ok(error instanceof ExtractionFault, String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    assert.equal(error.death, true);
    assert.ok(error.message.length < 400 && !/[<\u0000-\u001f]/.test(error.message), error.message.slice(0, 500));
    for (const place of [inspect(error, INSIDE), ...logged])
      assert.ok(!place.includes(EVIL_WORDS), "what the reader said is in an error or a log");
    assert.equal(await textOf("team_good", "next.txt", "the next document", from), "the next document");
  });
}

test("a reader that does not take its document has as much time as any other, and no place for ever", async () => {
  assert.equal(await textOf("team_deaf", DEAF_AFTERWARDS, "", hurried), "abc");
  const { signal } = new AbortController();
  const large = documentNamed("large.txt", "x".repeat(4 * 1024 * 1024), "team_deaf");
  const error = await failure(hurried.extract(large, { signal, lane: "fast" }));
  assert.ok(error instanceof ExtractionFault, String(error));
  assert.equal(error.code, "extraction_timeout");
});

test("a reader that ends before it is ready is trouble that tells why, and nothing of what it said", async () => {
  const entry = join(import.meta.dirname, "fixtures/children/never-ready.ts");
  const error = await createExtractionPool({ places: 1, log: logInto(logged), entry }).then(
    () => null,
    (trouble: unknown) => trouble,
  );
  assert.ok(error instanceof ExtractorTrouble, String(error));
  assert.match(String(error.cause), /ended before it was ready \(exit code 1, .*\): there is no memory for it/);
  for (const place of [inspect(error, INSIDE), ...logged]) assert.ok(!place.includes(EVIL_WORDS), place);
});

function logInto(lines: string[]): Log {
  const keep = (fields: object, message: string) => void lines.push(`${message} ${inspect(fields, INSIDE)}`);
  return { debug: keep, info: keep, warn: keep, error: keep, fatal: keep };
}
