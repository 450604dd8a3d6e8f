import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import type { Kysely } from "kysely";
import { brandId, type TeamId } from "../ids.ts";
import { kyselyOver } from "../sqlite/kysely-sqlite.ts";
import { serialTx } from "./catalogue.ts";
import { SQLITE } from "./migrate.ts";
import { initial } from "./migrations/0001-initial.ts";
import { type Bind, type ListOf, prepared, preparedForList } from "./prepared.ts";
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

test("a statement is built once, whatever database runs it, and each call binds its own values, whatever order they come in", async (t) => {
  let built = 0;
  const add = prepared((db, $: Bind<Team>) => {
    built += 1;
    return db
      .insertInto("teams")
      .values({ id: $("id"), slug: $("id"), name: $("name"), created_at: 0, open_sessions: 0 });
  });
  const named = prepared((db, $: Bind<{ id: TeamId; not: string }>) =>
    db.selectFrom("teams").select(["id", "name"]).where("name", "!=", $("not")).where("id", "=", $("id")),
  );
  const [one, two] = [serialTx(openDb(t), 0), serialTx(openDb(t), 0)];
  const teams = ["a", "b", "c"].map((name) => ({ id: brandId("team", `team_${name}`), name }));
  await Promise.all(teams.map((team) => add(one, team)));
  await add(two, { name: "other", id: brandId("team", "team_a") });
  assert.equal(built, 1);
  const found = await Promise.all(teams.map(({ id }) => named(one, { not: "b", id })));
  assert.deepEqual(found, [[teams[0]], [], [teams[2]]]);
  assert.deepEqual(await named(two, { id: brandId("team", "team_a"), not: "a" }), [{ id: "team_a", name: "other" }]);
});

test("a statement with a list is built once for each power of two of its length, and finds what the list says", async (t) => {
  let built = 0;
  const among = preparedForList((db, $: Bind<{ not: string }>, ids: ListOf<TeamId>) => {
    built += 1;
    return db.selectFrom("teams").select("name").where("id", "in", ids).where("name", "!=", $("not")).orderBy("name");
  });
  const db = openDb(t);
  const tx = serialTx(db, 0);
  const names = [..."abcdefgh"];
  const idOf = (name: string) => brandId("team", `team_${name}`);
  for (const name of names)
    await db
      .insertInto("teams")
      .values({ id: idOf(name), slug: name, name, created_at: 0, open_sessions: 0 })
      .execute();
  for (let length = 0; length <= names.length; length++) {
    const wanted = names.slice(0, length);
    const found = await among(tx, { not: "b" }, wanted.map(idOf));
    assert.deepEqual(
      found.map(({ name }) => name),
      wanted.filter((name) => name !== "b"),
    );
  }
  assert.equal(built, 4);
});

test("what would be computed from a value before it is known is refused, not bound", async (t) => {
  const tx = serialTx(openDb(t), 0);
  const computed = [
    prepared((of, $: Bind<Team>) =>
      of
        .selectFrom("teams")
        .select("id")
        .where("name", "=", `${$("name")}!`),
    ),
    prepared((of, $: Bind<Team>) =>
      of
        .selectFrom("teams")
        .select("id")
        .where("name", "=", JSON.stringify([$("name")])),
    ),
    prepared((of, $: Bind<{ at: number }>) =>
      of
        .selectFrom("teams")
        .select("id")
        // @ts-expect-error: it has no value yet
        .where("created_at", ">", $("at") + 1),
    ),
  ];
  for (const statement of computed)
    await assert.rejects(statement(tx, { id: brandId("team", "team_a"), name: "a", at: 1 }), /not known before/);
});
