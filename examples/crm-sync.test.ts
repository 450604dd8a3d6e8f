import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FILES } from "../server/test/support/api.ts";
import { at, listAt, numberAt, textAt } from "../server/test/support/json.ts";
import { EXAMPLES, ExampleServer, ownFolder, type Running } from "./test-run.ts";

interface Line {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly text: string;
}

const record = (id: string, version: number, text: string): Line => ({ id, version, title: `Record ${id}`, text });
const many = Array.from({ length: 120 }, (_, n) => record(`A-${n}`, 1, `Customer ${n} asked about berth ${n}.`));
const long = record("LONG", 1, `${"words in the hold ".repeat(70_000)}the anchor weighs nine tons`);

test("crm-sync.ts: a bucket follows the records; what cannot be is named with its reason", async () => {
  const server = await ExampleServer.start(Number.MAX_SAFE_INTEGER);
  const sync = await syncWith(server);

  const first = await sync([...many, long]).ended;
  assert.match(first.stdout, /^121 uploaded, 0 unchanged, 0 deleted, 0 failed$/m, first.stderr);
  assert.equal(first.exitCode, 0);
  const files = await filesIn(server);
  assert.equal(files.size, 121);
  const again = await sync([...many, long]).ended;
  assert.match(again.stdout, /^0 uploaded, 121 unchanged, 0 deleted, 0 failed$/m);
  assert.deepEqual(await filesIn(server), files);

  const changed = [
    record("A-0", 2, "Customer 0 asked about the crane."),
    record("EMPTY", 1, ""),
    ...many.slice(2),
    long,
  ];
  const third = await sync(changed).ended;
  assert.match(third.stdout, /^failed\tEMPTY\tinvalid_size: /m);
  assert.match(third.stdout, /^1 uploaded, 119 unchanged, 1 deleted, 1 failed$/m);
  assert.equal(third.exitCode, 1);
  assert.equal((await filesIn(server)).size, 120);
  const { json } = await server.api.search({ query: "customer 0 crane", bucket: "crm", limit: 1 });
  assert.equal(numberAt(json, "results", 0, "metadata", "crm_version"), 2);

  const noText = record("NUL", 1, "\u0001\u0002\u0003\u0000");
  const unreadable = await sync([...changed.filter(({ id }) => id !== "EMPTY"), noText]).ended;
  assert.match(unreadable.stdout, /^failed\tNUL\tfile_\w+ cannot be read: \w+: \S/m);
});

test("crm-sync.ts: killed at any point it goes on, and nothing is there twice", async () => {
  const server = await ExampleServer.start(Number.MAX_SAFE_INTEGER);
  const sync = await syncWith(server);
  for (const kill of ["sessions", "files"] as const) {
    const records = many.map((one) => ({ ...one, id: `${kill}-${one.id}` }));
    const { program, ended } = sync(records);
    // In the middle of its PUTs; and when the first batch is finalized.
    const isThere = async () =>
      kill === "files"
        ? [...(await filesIn(server)).keys()].some((id) => id.startsWith(kill))
        : listAt((await server.api.get(`${FILES}/upload-sessions?status=received`)).json, "sessions").length > 3;
    while (program.exitCode === null && !(await isThere()));
    program.kill("SIGKILL");
    await ended;
    const ran = await sync(records).ended;
    assert.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
    assert.deepEqual([...(await filesIn(server)).keys()].sort(), records.map(({ id }) => id).sort());
  }
  const empty = await sync([]).ended;
  assert.equal(empty.exitCode, 1);
  assert.match(empty.stderr, /has no record: nothing was changed/);
  assert.equal((await filesIn(server)).size, 120);
});

async function syncWith(server: ExampleServer): Promise<(records: readonly Line[]) => Running> {
  const path = join(await ownFolder(), "records.jsonl");
  return (records) => {
    writeFileSync(path, records.map((one) => `${JSON.stringify(one)}\n`).join(""));
    return server.begin(process.execPath, [join(EXAMPLES, "crm-sync.ts"), path, "crm"]);
  };
}

/** Record → file. Fails when a record is there twice. */
async function filesIn({ api }: ExampleServer): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let cursor: unknown = ""; cursor !== null; ) {
    const more = cursor === "" ? "" : `&cursor=${cursor}`;
    const { json } = await api.get(`${FILES}?bucket=crm&limit=200${more}`);
    for (const file of listAt(json, "files")) {
      const name = textAt(file, "metadata", "crm_id");
      assert.ok(!found.has(name), `${name} is there twice`);
      found.set(name, textAt(file, "id"));
    }
    cursor = at(json, "next_cursor");
  }
  return found;
}
