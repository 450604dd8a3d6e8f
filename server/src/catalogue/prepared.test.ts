import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import type { Kysely } from "kysely";
import { brandId, type TeamId } from "../ids.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { SQLITE } from "./migrate.ts";
import { initial } from "./migrations/0001-initial.ts";
import { prepared } from "./prepared.ts";
import type { Schema } from "./schema.ts";

function openDb(t: TestContext): Kysely<Schema> {
  const database = new DatabaseSync(":memory:");
  t.after(() => database.close());
  for (const statement of initial.statements(SQLITE)) database.exec(statement);
  return kyselyOver<Schema>(database);
}

interface Team {
  readonly id: TeamId;
  readonly name: string;
}

test("a statement is built once for each database, and each call binds its own values, whatever order they come in", async (t) => {
  let built = 0;
  const add = prepared((db, $: Team) => {
    built += 1;
    return db.insertInto("teams").values({ id: $.id, slug: $.id, name: $.name, created_at: 0, open_sessions: 0 });
  });
  const named = prepared((db, $: { id: TeamId; not: string }) =>
    db.selectFrom("teams").select(["id", "name"]).where("name", "!=", $.not).where("id", "=", $.id),
  );
  const [one, two] = [openDb(t), openDb(t)];
  const teams = ["a", "b", "c"].map((name) => ({ id: brandId("team", `team_${name}`), name }));
  await Promise.all(teams.map((team) => add({ db: one }, team)));
  await add({ db: two }, { name: "other", id: brandId("team", "team_a") });
  assert.equal(built, 2);
  const found = await Promise.all(teams.map(({ id }) => named({ db: one }, { not: "b", id })));
  assert.deepEqual(found, [[teams[0]], [], [teams[2]]]);
  assert.deepEqual(await named({ db: two }, { id: brandId("team", "team_a"), not: "a" }), [
    { id: "team_a", name: "other" },
  ]);
});

test("what would be computed from a value before it is known is refused, not bound", async (t) => {
  const db = openDb(t);
  const computed = [
    prepared((of, $: Team) => of.selectFrom("teams").select("id").where("name", "=", `${$.name}!`)),
    prepared((of, $: Team) =>
      of
        .selectFrom("teams")
        .select("id")
        .where("name", "=", JSON.stringify([$.name])),
    ),
    prepared((of, $: { at: number }) =>
      of
        .selectFrom("teams")
        .select("id")
        .where("created_at", ">", $.at + 1),
    ),
  ];
  for (const statement of computed)
    await assert.rejects(statement({ db }, { id: brandId("team", "team_a"), name: "a", at: 1 }), /not known before/);
});
