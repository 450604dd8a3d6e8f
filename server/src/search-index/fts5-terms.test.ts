import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { brandId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import { createIndexDirectory, indexPath } from "./fts5-files.ts";
import type { WriterCall } from "./fts5-protocol.ts";
import { readCounts } from "./fts5-terms.ts";
import { Fts5Writer } from "./fts5-writer.ts";
import { chunks, file } from "./test-chunks.ts";

const TEAM = brandId("team", "team_1");
const root = mkdtempSync(join(tmpdir(), "wharf-terms-"));
after(() => rmSync(root, { recursive: true }));

const WORDS = LIMITS.indexTermsCountedLater + 10;
/** Two passages: each word is in one of them, "otter" in both. */
const LONG = [0, 1].map((part) => `otter ${Array.from({ length: WORDS / 2 }, (_, n) => `w${part}x${n}`).join(" ")}`);

function call(writer: Fts5Writer, input: WriterCall): unknown {
  const [answer] = writer.commit([{ id: 1, method: input.kind, input }]);
  assert.ok(answer !== undefined && "output" in answer, JSON.stringify(answer));
  return answer.output;
}

function write(writer: Fts5Writer, name: string, texts: readonly string[]): void {
  call(writer, { kind: "write", team: TEAM, write: chunks(name, texts) });
}

/** In how many chunks whoever reads now sees these words, and how many commits' terms wait. */
function seen(
  dir: string,
  ...words: readonly string[]
): { readonly counts: readonly number[]; readonly waiting: number } {
  const database = openDatabase(indexPath(dir, TEAM), { readOnly: true });
  try {
    const waiting = Number(database.prepare("SELECT count(*) AS n FROM uncounted").get()?.["n"]);
    return { counts: words.map(readCounts(database, true)()), waiting };
  } finally {
    database.close();
  }
}

test("words of a long document count from its commit on, before and after they became rows, also when a kill came between", () => {
  const dir = join(root, "kill");
  createIndexDirectory(dir);
  const killed = new Fts5Writer(dir);
  write(killed, "file_1", ["otter"]);
  write(killed, "file_2", LONG);
  assert.deepEqual(seen(dir, "otter", "w0x1", "w1x1", "absent"), { counts: [3, 1, 1, 0], waiting: 1 });
  // It is never closed, and what it had to do is found by the next one.
  const next = new Fts5Writer(dir);
  write(next, "file_3", ["otter w0x1"]);
  assert.deepEqual(seen(dir, "otter", "w0x1"), { counts: [4, 2], waiting: 1 });
  while (next.idleStep());
  assert.deepEqual(seen(dir, "otter", "w0x1", "w1x1", "absent"), { counts: [4, 2, 1, 0], waiting: 0 });
  next.close();
});

test("the terms of one commit wait at most; those of a removed document are gone, whatever waited", () => {
  const dir = join(root, "removed");
  createIndexDirectory(dir);
  const writer = new Fts5Writer(dir);
  for (const name of ["file_1", "file_2", "file_3"]) write(writer, name, LONG);
  assert.deepEqual(seen(dir, "otter", "w0x1"), { counts: [6, 3], waiting: 1 });
  for (const name of ["file_1", "file_2", "file_3"])
    while (call(writer, { kind: "remove", team: TEAM, file: file(name), build: null }) === true);
  assert.deepEqual(seen(dir, "otter", "w0x1").counts, [0, 0]);
  writer.close();
  const database = openDatabase(indexPath(dir, TEAM), { readOnly: true });
  assert.equal(database.prepare("SELECT count(*) AS n FROM terms").get()?.["n"], 0);
  assert.equal(database.prepare("SELECT count(*) AS n FROM uncounted").get()?.["n"], 0);
  database.close();
});
