import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { brandId } from "../ids.ts";
import { createLog } from "../log.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { openFts5SearchIndex } from "./fts5.ts";
import { indexPath } from "./fts5-files.ts";
import { Fts5Reads } from "./fts5-rank.ts";
import { KeptLists } from "./kept-lists.ts";
import { openMemorySearchIndex } from "./memory.ts";
import type { Candidate, RankQuery } from "./search-index.ts";
import { ask, bucket, chunks, file, places } from "./test-chunks.ts";

const TEAM = brandId("team", "team_01");
const GROUPS = 4;
const FILES_OF_GROUP = 10;
const CHUNKS = 20;
const ALL = GROUPS * FILES_OF_GROUP * CHUNKS;
/** Ids that nobody has between one group of files and the next, as many as a list passes over under a narrow filter. */
const GAP = 10_000;
/** Bytes: each list has many pages. */
const PAGE = 64;
/** Word n stands in about every nth chunk, so that queries mix rare and common ones. */
const WORDS = 60;
/** Stop words, which have no list of their own in a query, stand between words, too. */
const GAPS = [" ", " ", " ", " of ", " of the ", "-", " w1x "];
/** Some lists find room. */
const LISTS_BYTES = 2 ** 16;

const dir = mkdtempSync(join(tmpdir(), "wharf-rank-"));
after(() => rmSync(dir, { recursive: true }));

const nameOf = (number: number) => `file_${String(number).padStart(2, "0")}`;
/** Each file in one of its own, every second one in another, and files 7, 17, 27 and 37 in a third. */
const bucketsOf = (number: number) => [
  `bucket_of${number}`,
  ...(number % 2 === 0 ? ["bucket_even"] : []),
  ...(number % 10 === 7 ? ["bucket_7"] : []),
];

/** The same texts every time, from a small generator. */
function texts(number: number): readonly string[] {
  let state = number + 1;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: CHUNKS }, () => {
    const held = Array.from({ length: WORDS }, (_, word) => word).filter((word) => random() < 1 / (word + 1));
    const gap = () => GAPS[Math.floor(random() * GAPS.length)] ?? " ";
    const words = held.flatMap((word) => Array.from({ length: 1 + Math.floor(random() * 3) }, () => `w${word}x`));
    return words.map((word) => `${word}${gap()}`).join("");
  });
}

async function openIndex() {
  return await openFts5SearchIndex({
    dir,
    log: createLog("silent"),
    fatal: (error) => {
      throw error;
    },
  });
}

/** Files in groups that stand far apart in the index, one of which was removed again. */
async function writeGroups() {
  const reference = openMemorySearchIndex();
  for (let group = 0; group < GROUPS; group++) {
    const index = await openIndex();
    for (let at = 0; at < FILES_OF_GROUP; at++) {
      const number = group * FILES_OF_GROUP + at;
      const write = chunks(nameOf(number), texts(number), { buckets: bucketsOf(number) });
      await index.write(TEAM, write);
      await reference.write(TEAM, write);
    }
    await index.close();
    const database = openDatabase(indexPath(dir, TEAM));
    database.exec(`INSERT INTO words (words, rank) VALUES ('pgsz', ${PAGE})`);
    database.exec(
      `INSERT INTO chunks (id, file, build, position, page, char_start, char_end, text)
       SELECT max(id) + ${GAP}, 'none', 'none', max(id), 1, 0, 0, '' FROM chunks`,
    );
    database.close();
  }
  const index = await openIndex();
  await index.removeFile(TEAM, file(nameOf(12)));
  await reference.removeFile(TEAM, file(nameOf(12)));
  await index.close();
  return reference;
}

test("chunks come in the order of the formula, wherever a list is cut, read in part or kept", async (t) => {
  const reference = await writeGroups();
  const database = openDatabase(indexPath(dir, TEAM), { readOnly: true });
  t.after(() => database.close());
  const reads = new Fts5Reads(database, new KeptLists(LISTS_BYTES).ofTeam());
  const word = fc.tuple(fc.nat(WORDS - 1), fc.constantFrom(...GAPS, '" ', ' "', " absent "));
  const text = fc
    .array(word, { minLength: 2, maxLength: 6 })
    .map((words) => `"${words.map(([number, gap]) => `w${number}x${gap}`).join("")}`);
  const where: fc.Arbitrary<Partial<RankQuery>> = fc.constantFrom(
    {},
    { buckets: [bucket("bucket_even")] },
    { buckets: [bucket("bucket_7")] },
    { buckets: [bucket("bucket_of3")] },
    { buckets: [bucket("bucket_of12")] },
    { buckets: [bucket("bucket_of9"), bucket("bucket_of31")] },
    { files: [file(nameOf(0)), file(nameOf(39))] },
    { buckets: [bucket("bucket_even")], files: [file(nameOf(21)), file(nameOf(22))] },
  );
  await fc.assert(
    fc.asyncProperty(text, where, fc.integer({ min: 1, max: 60 }), async (words, filter, limit) => {
      const query = { ...ask(words), ...filter };
      const all = await reference.rank(TEAM, { ...query, limit: ALL });
      const found = reads.rank({ ...query, limit });
      // Sums of the same numbers in another order: equal to nine digits, and chunks that tie so closely may
      // change places.
      const digits = ({ score }: Candidate) => score.toPrecision(9);
      assert.deepEqual(found.candidates.map(digits), all.candidates.slice(0, limit).map(digits));
      assert.equal(found.complete, all.candidates.length <= limit);
      const scoreOf = new Map(all.candidates.map((each) => [`${each.file}/${each.position}`, digits(each)]));
      for (const each of found.candidates)
        assert.equal(digits(each), scoreOf.get(`${each.file}/${each.position}`), `${each.file}/${each.position}`);
    }),
    { numRuns: 200 },
  );
});

test("a list that is kept is of the same snapshot as the ranking, whatever was written since", async (t) => {
  const team = brandId("team", "team_02");
  const index = await openIndex();
  t.after(() => index.close());
  await index.write(team, chunks("file_1", ["otter and heron", "heron alone"]));
  const database = openDatabase(indexPath(dir, team), { readOnly: true });
  t.after(() => database.close());
  const lists = new KeptLists(LISTS_BYTES).ofTeam();
  const reads = new Fts5Reads(database, lists);
  const found = (text: string) => places(reads.rank(ask(text)).candidates).toSorted();
  assert.deepEqual(found("otter heron"), ["file_1/0", "file_1/1"]);
  assert.ok(lists.bytes > 0);
  assert.deepEqual(found("otter heron"), ["file_1/0", "file_1/1"]);

  await index.write(team, chunks("file_2", ["another otter"]));
  assert.deepEqual(found("otter heron"), ["file_1/0", "file_1/1", "file_2/0"]);
  database.exec("BEGIN");
  assert.deepEqual(found("otter"), ["file_1/0", "file_2/0"]);
  await index.removeFile(team, file("file_1"));
  assert.deepEqual(found("otter heron"), ["file_1/0", "file_1/1", "file_2/0"]);
  database.exec("COMMIT");
  assert.deepEqual(found("otter heron"), ["file_2/0"]);
});
