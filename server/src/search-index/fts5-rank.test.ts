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
import { openMemorySearchIndex } from "./memory.ts";
import type { Candidate } from "./search-index.ts";
import { ask, chunks } from "./test-chunks.ts";

const TEAM = brandId("team", "team_01");
const FILES = 40;
const CHUNKS = 20;
/** Word n stands in about every nth chunk, so that queries mix rare and common ones. */
const WORDS = 60;
/** Stop words, which have no list of their own in a query, stand between words, too. */
const GAPS = [" ", " ", " ", " of ", " of the ", "-", " w1x "];

const dir = mkdtempSync(join(tmpdir(), "wharf-rank-"));
after(() => rmSync(dir, { recursive: true }));

/** The same texts every time, from a small generator. */
function texts(file: number): readonly string[] {
  let state = file + 1;
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

test("chunks come in the order of the formula, wherever a list is cut", async (t) => {
  const reference = openMemorySearchIndex();
  const index = await openFts5SearchIndex({
    dir,
    log: createLog("silent"),
    fatal: (error) => {
      throw error;
    },
  });
  for (let file = 0; file < FILES; file++) {
    const write = chunks(`file_${String(file).padStart(2, "0")}`, texts(file));
    await index.write(TEAM, write);
    await reference.write(TEAM, write);
  }
  await index.close();
  const database = openDatabase(indexPath(dir, TEAM), { readOnly: true });
  t.after(() => database.close());
  const reads = new Fts5Reads(database);
  const word = fc.tuple(fc.nat(WORDS - 1), fc.constantFrom(...GAPS, '" ', ' "', " absent "));
  const query = fc
    .array(word, { minLength: 2, maxLength: 6 })
    .map((words) => `"${words.map(([number, gap]) => `w${number}x${gap}`).join("")}`);
  await fc.assert(
    fc.asyncProperty(query, fc.integer({ min: 1, max: 60 }), async (text, limit) => {
      const all = await reference.rank(TEAM, { ...ask(text), limit: FILES * CHUNKS });
      const found = reads.rank({ ...ask(text), limit });
      // Sums of the same numbers in another order: equal to nine digits, and chunks that tie so closely may change places.
      const digits = ({ score }: Candidate) => score.toPrecision(9);
      assert.deepEqual(found.candidates.map(digits), all.candidates.slice(0, limit).map(digits));
      const scoreOf = new Map(all.candidates.map((each) => [`${each.file}/${each.position}`, digits(each)]));
      for (const each of found.candidates)
        assert.equal(digits(each), scoreOf.get(`${each.file}/${each.position}`), `${each.file}/${each.position}`);
    }),
    { numRuns: 100 },
  );
});
