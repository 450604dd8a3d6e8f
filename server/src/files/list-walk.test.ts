import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { testBudgets } from "../fairness/test-budgets.ts";
import type { FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { openTestCatalogue, type TestCatalogue } from "../tasks/test-catalogue.ts";
import { listFiles } from "./list.store.ts";
import { type ListFilter, parseListQuery } from "./list.ts";
import { readFiles } from "./list-files.ts";

/** So many tags at once that a read looks at few files … */
const TAGS = Array.from({ length: LIMITS.tags }, (_, n) => `t${n}`);
const LOOKED_AT = LIMITS.rowsPerRead / TAGS.length;
/** … and more files than all reads of one list request look at. */
const FILES = LOOKED_AT * (LIMITS.listReads + 4);

let t: TestCatalogue;
let team: TeamId;
/** The oldest file: it alone has all the tags. */
let rare: FileId;

before(async () => {
  t = await openTestCatalogue();
  team = await t.newTeam();
  const [file, task, tag] = [
    `INSERT INTO files (id, team_id, state, title, filename, content_type, size_bytes, sha256, tags, metadata, version, session_id, task_id,
       error_code, created_at, updated_at) VALUES (?, ?, 'failed', 't', 'f', 'text/plain', 1, '', '[]', '{}', 1, ?, ?, 'internal', ?, ?)`,
    `INSERT INTO tasks (id, team_id, file_id, type, state, version, stage, lane, fair_at, error_code, created_at, updated_at, finished_at)
     VALUES (?, ?, ?, 'index', 'failed', 1, 'extracting', 'fast', 1, 'internal', 0, 0, 1)`,
    "INSERT INTO file_tags (team_id, tag, file_id) VALUES (?, ?, ?)",
  ].map((text) => t.database.prepare(text));
  t.database.exec("BEGIN");
  for (let n = 0; n < FILES; n++) {
    const id = t.ids.next("file");
    file?.run(id, team, `sess_${id}`, `task_${id}`, n, n);
    task?.run(`task_${id}`, team, id);
    if (n === 0) rare = id;
    // Each tag is common, and no other file has all of them.
    for (const text of n === 0 ? TAGS : TAGS.filter((_, at) => (at + n) % TAGS.length > 0)) tag?.run(team, text, id);
  }
  t.database.exec("COMMIT");
});
after(() => t.close());

const filter: ListFilter = {
  bucket: null,
  tags: TAGS,
  status: null,
  metadata: [],
  createdAfter: null,
  createdBefore: null,
  name: null,
  order: "newest",
};

describe("a list whose filters are common but meet rarely", () => {
  test("looks at a bounded number of files in one read, says where to go on, and finds what there is in the end", async () => {
    let reads = 0;
    const found: FileId[] = [];
    let position: Awaited<ReturnType<typeof listFiles.run>>["next"] = null;
    do {
      const page: Awaited<ReturnType<typeof listFiles.run>> = await t.catalogue.run(listFiles, {
        teamId: team,
        filter,
        limit: 50,
        after: position,
      });
      if (page.next !== null) {
        const before = position?.createdAt ?? FILES;
        assert.ok(before - page.next.createdAt <= LOOKED_AT, "no read goes further than its bound");
        assert.ok(before > page.next.createdAt, "each read goes on");
      }
      found.push(...page.files.map((file) => file.id));
      position = page.next;
      reads += 1;
    } while (position !== null);
    assert.deepEqual(found, [rare]);
    assert.ok(reads >= FILES / LOOKED_AT, `${reads} reads`);
  });

  test("is read a few times for one answer, which may be empty before the end; the next one goes on there (§12 lists)", async () => {
    const { walks, lists } = testBudgets();
    const deps = { catalogue: t.catalogue, walks, lists };
    const by = { teamId: team, keyId: null };
    const gone = new AbortController().signal;
    const request = { ...parseListQuery(team, NO_QUERY), filter };
    const first = await readFiles(deps, by, gone, request);
    assert.deepEqual(first.files, []);
    assert.notEqual(first.next, null);
    const second = await readFiles(deps, by, gone, { ...request, after: first.next });
    assert.deepEqual(
      second.files.map((file) => file.id),
      [rare],
    );
    assert.equal(second.next, null);
    assert.equal(lists.taken, 0);
  });
});

const NO_QUERY = {
  bucket: undefined,
  tags: [],
  status: undefined,
  metadata: [],
  createdAfter: undefined,
  limit: undefined,
  cursor: undefined,
};
