import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { sql } from "kysely";
import { refuse } from "../errors.ts";
import { openDatabase } from "../sqlite/open-database.ts";
import type { Answer, Call } from "../sqlite/thread-protocol.ts";
import type { Tx } from "./catalogue.ts";
import { GroupCommit } from "./group-commit.ts";

let folder: string;
let database: DatabaseSync;
let commits: GroupCommit;

const insert = async ({ db }: Tx, input: unknown) => {
  await sql`INSERT INTO notes (text) VALUES (${String(input)})`.execute(db);
  return String(input);
};

const OPERATIONS: Readonly<Record<string, (tx: Tx, input: unknown) => Promise<unknown>>> = {
  insert,
  insertThenRefuse: async (tx, input) => {
    await insert(tx, input);
    return refuse("conflict");
  },
  insertThenThrow: async (tx, input) => {
    await insert(tx, input);
    throw new Error("a defect");
  },
  /** More than PRAGMA max_page_count leaves: SQLITE_FULL, as a full disk gives it, which rolls the whole batch back. */
  fill: async ({ db }) => {
    await sql`INSERT INTO notes (text) VALUES (hex(zeroblob(4000000)))`.execute(db);
    return "filled";
  },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wharf-commit-"));
  database = openDatabase(join(folder, "notes.db"));
  database.exec("CREATE TABLE notes (text text NOT NULL) STRICT");
  const named = (name: string) => {
    const run = OPERATIONS[name];
    return run === undefined ? undefined : { run };
  };
  commits = new GroupCommit(database, named, { now: () => 1000 });
});

afterEach(async () => {
  database.close();
  await rm(folder, { recursive: true });
});

function call(id: number, method: string, input: unknown = `note ${id}`): Call {
  return { id, method, input };
}

function notes(): readonly unknown[] {
  return database
    .prepare("SELECT text FROM notes WHERE length(text) < 100 ORDER BY rowid")
    .all()
    .map((row) => row["text"]);
}

function outcome(answers: readonly Answer[], id: number): unknown {
  const answer = answers.find((candidate) => candidate.id === id);
  if (answer === undefined) return "no answer";
  return "failure" in answer ? (answer.failure.code ?? answer.failure.message) : answer.output;
}

test("An operation that writes and then refuses leaves no row, and its refusal is its answer", async () => {
  const answers = await commits.run([call(1, "insert"), call(2, "insertThenRefuse"), call(3, "insert")]);
  assert.deepEqual(outcome(answers, 2), { refused: "conflict" });
  assert.deepEqual(notes(), ["note 1", "note 3"]);
});

test("An operation that throws leaves no row, and those beside it in the batch are kept", async () => {
  const answers = await commits.run([call(1, "insert"), call(2, "insertThenThrow"), call(3, "insert")]);
  assert.equal(outcome(answers, 2), "a defect");
  assert.equal(outcome(answers, 1), "note 1");
  assert.equal(outcome(answers, 3), "note 3");
  assert.deepEqual(notes(), ["note 1", "note 3"]);
});

test("An operation that meets a full disk is answered so; the others' acknowledgements in its batch are true", async () => {
  database.exec("PRAGMA max_page_count = 100");
  const answers = await commits.run([call(1, "insert"), call(2, "fill"), call(3, "insert")]);
  assert.equal(outcome(answers, 2), "storage_full");
  assert.equal(outcome(answers, 1), "note 1");
  assert.equal(outcome(answers, 3), "note 3");
  assert.equal(database.isTransaction, false);
  assert.deepEqual(notes(), ["note 1", "note 3"]);
});

test("What runs again after a full disk runs once: no acknowledged row is there twice", async () => {
  database.exec("PRAGMA max_page_count = 100");
  await commits.run([call(1, "insert"), call(2, "insertThenThrow"), call(3, "fill"), call(4, "insertThenRefuse")]);
  assert.deepEqual(notes(), ["note 1"]);
});

test("An unknown operation is an error of that call alone", async () => {
  const answers = await commits.run([call(1, "nothing"), call(2, "insert")]);
  assert.equal(outcome(answers, 1), "there is no operation nothing");
  assert.deepEqual(notes(), ["note 2"]);
});
