import { readOperation, TOPICS, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import { type Bind, prepared } from "../catalogue/prepared.ts";
import { refuse } from "../errors.ts";
import type { CredentialId, KeyId, TeamId } from "../ids.ts";
import { readScopes, type Scope } from "./api-key.ts";

/** Who a request speaks for. */
export interface Caller {
  readonly teamId: TeamId;
  /** The key, or the session of the dashboard. */
  readonly keyId: CredentialId;
  readonly keyName: string;
  readonly scopes: readonly Scope[];
}

const keyByHash = prepared((db, $: Bind<{ hash: string }>) =>
  db
    .selectFrom("api_keys")
    .select(["id", "team_id", "name", "hash", "scopes", "expires_at", "revoked_at"])
    .where("hash", "=", $("hash")),
);

/** Every request's first read: the key's row by its hash (unique index). Revoked and expired keys are no keys. */
export const findCaller = readOperation(
  "access.findCaller",
  async (tx, { hash }: { hash: string }): Promise<{ caller: Caller; hash: string } | null> => {
    const [row] = await keyByHash(tx, { hash });
    if (row === undefined || row.revoked_at !== null) return null;
    if (row.expires_at !== null && row.expires_at <= tx.now) return null;
    const caller = { teamId: row.team_id, keyId: row.id, keyName: row.name, scopes: readScopes(row.scopes) };
    return { caller, hash: row.hash };
  },
);

/** Whether a key that was found a while ago would be found again (primary key). */
export const isKeyGood = readOperation(
  "access.isKeyGood",
  async ({ db, now }, { id }: { id: KeyId }): Promise<boolean> =>
    (await db
      .selectFrom("api_keys")
      .select("id")
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", now)]))
      .executeTakeFirst()) !== undefined,
);

export interface NewKey {
  readonly id: KeyId;
  readonly name: string;
  readonly hash: string;
  readonly last4: string;
  readonly scopes: readonly Scope[];
}

interface NewKeyInput {
  readonly key: NewKey;
  readonly teamSlug: string;
  readonly newTeamId: TeamId;
}

/** Makes a key, and its team when that does not exist yet. */
export const createKey = writeOperation(
  "access.createKey",
  () => [LOCKS.teams],
  async ({ db, now }, input: NewKeyInput) => {
    await db
      .insertInto("teams")
      .values({
        id: input.newTeamId,
        slug: input.teamSlug,
        name: input.teamSlug,
        open_sessions: 0,
        created_at: now,
      })
      .onConflict((conflict) => conflict.column("slug").doNothing())
      .execute();
    const team = await db.selectFrom("teams").select("id").where("slug", "=", input.teamSlug).executeTakeFirstOrThrow();
    const { id, name, hash, last4, scopes } = input.key;
    await db
      .insertInto("api_keys")
      .values({
        id,
        team_id: team.id,
        name,
        hash,
        last4,
        scopes: JSON.stringify(scopes),
        created_at: now,
        expires_at: null,
        revoked_at: null,
      })
      .execute();
    return { teamId: team.id, keyId: id };
  },
);

export const anyTeam = readOperation(
  "access.anyTeam",
  async ({ db }, _input: object): Promise<boolean> =>
    (await db.selectFrom("teams").select("id").limit(1).executeTakeFirst()) !== undefined,
);

/** The first start: a team and a key, unless there is a team already. `created` says which. */
export const createFirstKey = writeOperation(
  "access.createFirstKey",
  () => [LOCKS.teams],
  async (tx, input: NewKeyInput) => {
    if (await anyTeam.run(tx, {})) return { created: false };
    await createKey.run(tx, input);
    return { created: true };
  },
);

export interface ListedKey {
  readonly id: KeyId;
  readonly team: string;
  readonly name: string;
  readonly last4: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

export const listKeys = readOperation(
  "access.listKeys",
  async ({ db }, { teamSlug }: { teamSlug: string | null }): Promise<readonly ListedKey[]> => {
    let query = db
      .selectFrom("api_keys")
      .innerJoin("teams", "teams.id", "api_keys.team_id")
      .select([
        "api_keys.id as id",
        "teams.slug as team",
        "api_keys.name as name",
        "api_keys.last4 as last4",
        "api_keys.scopes as scopes",
        "api_keys.created_at as createdAt",
        "api_keys.revoked_at as revokedAt",
      ])
      .orderBy("teams.slug")
      .orderBy("api_keys.created_at")
      .orderBy("api_keys.id");
    if (teamSlug !== null) query = query.where("teams.slug", "=", teamSlug);
    const rows = await query.execute();
    return rows.map((row) => ({ ...row, scopes: readScopes(row.scopes) }));
  },
);

/**
 * Effective at the next request: keys are looked up on each, never cached. What the key has held (POL-5) is woken.
 * Revoking twice is harmless.
 */
export const revokeKey = writeOperation(
  "access.revokeKey",
  ({ keyId }: { keyId: KeyId }) => [LOCKS.apiKey(keyId)],
  async ({ db, now }, { keyId }: { keyId: KeyId }) => {
    const row = await db.selectFrom("api_keys").select("revoked_at").where("id", "=", keyId).executeTakeFirst();
    if (row === undefined)
      return refuse("not_found", { message: `There is no key ${keyId}; wharf keys list shows them.` });
    if (row.revoked_at === null)
      await db.updateTable("api_keys").set({ revoked_at: now }).where("id", "=", keyId).execute();
    return { revokedAt: row.revoked_at ?? now };
  },
  ({ keyId }) => [TOPICS.credential(keyId)],
);

export const accessOperations = [findCaller, isKeyGood, createKey, anyTeam, createFirstKey, listKeys, revokeKey];
