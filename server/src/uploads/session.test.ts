import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { SQLITE } from "../catalogue/migrate.ts";
import { initial } from "../catalogue/migrations/0001-initial.ts";
import type { SessionState } from "../catalogue/schema.ts";
import { expiryAtCompletion, expiryAtCreate, expiryAtRecord, isExpired, NEXT, statesThatAllow } from "./session.ts";

const STATES: readonly SessionState[] = ["open", "received", "finalized", "expired", "cancelled"];
const HOUR = 3_600_000;

test("Every cell of the session's table is as docs/state-machines/upload-session.md draws it: nothing leaves an ended state", () => {
  for (const state of STATES) {
    for (const [event, next] of Object.entries(NEXT[state])) {
      const ended = state === "finalized" || state === "expired" || state === "cancelled";
      if (ended) assert.equal(next, "reject", `${state} ${event}`);
    }
  }
  assert.deepEqual(statesThatAllow("finalize"), ["received"]);
  assert.deepEqual(statesThatAllow("cancel"), ["open", "received"]);
  assert.deepEqual(statesThatAllow("drop_bytes"), ["open", "received"]);
});

test("The database holds no session that its state does not allow", () => {
  const database = new DatabaseSync(":memory:");
  for (const statement of initial.statements(SQLITE)) database.exec(statement);
  database.exec("INSERT INTO teams (id, slug, name, created_at) VALUES ('team_1', 'a', 'a', 0)");
  const insert = (columns: Readonly<Record<string, string | number | null>>) => {
    const row = {
      id: "sess_1",
      team_id: "team_1",
      state: "open",
      filename: "f",
      title: "t",
      content_type: "text/plain",
      size_bytes: 10,
      tags: "[]",
      metadata: "{}",
      bucket_ids: "[]",
      created_at: 0,
      updated_at: 0,
      expires_at: 1,
      ...columns,
    };
    const names = Object.keys(row);
    database
      .prepare(`INSERT INTO upload_sessions (${names}) VALUES (${names.map(() => "?")})`)
      .run(...Object.values(row));
    database.exec("DELETE FROM upload_sessions");
  };
  const complete = { received_bytes: 10, md5: "m", crc32c: "c" };
  const made = { file_id: "file_1", task_id: "task_1", sha256: "s", ended_at: 1 };
  insert({});
  insert({ state: "received", ...complete });
  insert({ state: "finalized", ...complete, ...made });
  insert({ state: "cancelled", ended_at: 1 });
  const refused: readonly Readonly<Record<string, string | number | null>>[] = [
    { state: "half-open" },
    { received_bytes: 11 },
    { state: "received", received_bytes: 9, md5: "m", crc32c: "c" },
    { state: "received", received_bytes: 10 },
    { state: "finalized", ...complete, ended_at: 1 },
    { state: "open", ...complete, ...made },
    { state: "finalized", ...complete, ...made, ended_at: null },
    { state: "expired" },
    { state: "open", ended_at: 1 },
  ];
  for (const columns of refused) assert.throws(() => insert(columns), /CHECK/, JSON.stringify(columns));
  database.close();
});

test("An open session past its time is expired for everyone, before it is written down; a finalized one never is (FIN-4)", () => {
  const past = { expiresAt: 1000 };
  assert.equal(isExpired({ state: "open", ...past }, 999), false);
  assert.equal(isExpired({ state: "open", ...past }, 1000), true);
  assert.equal(isExpired({ state: "received", ...past }, 1000), true);
  assert.equal(isExpired({ state: "finalized", ...past }, 10 * HOUR), false);
  assert.equal(isExpired({ state: "expired", expiresAt: 10 * HOUR }, 0), true);
});

test("Each record moves the expiry to at least 15 minutes from now, at most a day after creation (PUT-19)", () => {
  assert.equal(expiryAtCreate(0, HOUR), HOUR);
  assert.equal(expiryAtRecord(0, HOUR), HOUR + HOUR / 4);
  assert.equal(expiryAtRecord(0, 23.9 * HOUR), 24 * HOUR);
  assert.equal(expiryAtCompletion(5 * HOUR), 29 * HOUR);
});
