import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted } from "../errors.ts";
import type { IdSource, KeyId, TeamId } from "../ids.ts";
import { DEFAULT_SCOPES, hashApiKey, makeApiKey, SCOPES, type Scope } from "./api-key.ts";
import type { FirstKeyFile } from "./first-key-file.ts";
import { anyTeam, createFirstKey, createKey, type ListedKey, listKeys, type NewKey, revokeKey } from "./store.ts";

/**
 * Making, listing and revoking keys: what `wharf keys` and the first start call, over the catalogue, with or without a
 * running server. The key is in the returned value alone; it is shown once and kept nowhere.
 */
export interface KeysDeps {
  readonly catalogue: Catalogue;
  readonly ids: IdSource;
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
}

export interface MadeKey {
  readonly key: string;
  readonly keyId: KeyId;
  readonly teamId: TeamId;
  readonly team: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Makes a key, and the team when there is none with that slug. */
export async function createApiKey(
  deps: KeysDeps,
  wanted: { readonly team: string; readonly name: string; readonly scopes?: readonly Scope[] | undefined },
): Promise<MadeKey> {
  const { team, name, scopes = DEFAULT_SCOPES } = wanted;
  const { key, row } = newKey(deps, name, scopes);
  const made = await deps.catalogue.run(createKey, { key: row, teamSlug: team, newTeamId: deps.ids.next("team") });
  return { key, keyId: made.keyId, teamId: made.teamId, team, name, scopes };
}

/** Whether the next start makes the first key. */
export async function isFirstStart(catalogue: Catalogue): Promise<boolean> {
  return !(await catalogue.run(anyTeam, {}));
}

/**
 * The first start: team `default` and a key with every scope (ALL-10), or null when there is a team already. With a
 * `file` the key is in there before it counts. Throws ConfigError when it cannot be; then no key is made.
 */
export async function createFirstApiKey(deps: KeysDeps, file: FirstKeyFile | null = null): Promise<MadeKey | null> {
  const { key, row } = newKey(deps, FIRST_NAME, SCOPES);
  const newTeamId = deps.ids.next("team");
  if (file !== null) {
    if (!(await isFirstStart(deps.catalogue))) return null;
    await file.write(key);
  }
  // When this fails it may have been done all the same: the file stays then.
  const { created } = await deps.catalogue.run(createFirstKey, { key: row, teamSlug: FIRST_TEAM, newTeamId });
  if (!created) {
    // `wharf keys create` was faster.
    await file?.remove();
    return null;
  }
  return { key, keyId: row.id, teamId: newTeamId, team: FIRST_TEAM, name: FIRST_NAME, scopes: SCOPES };
}

/** All keys, or one team's, oldest first; revoked ones too. Never the keys themselves. */
export function listApiKeys(catalogue: Catalogue, team: string | null): Promise<readonly ListedKey[]> {
  return catalogue.run(listKeys, { teamSlug: team });
}

/** Effective at the key's next request. Throws WharfError `not_found`; revoking again is harmless. */
export async function revokeApiKey(catalogue: Catalogue, keyId: KeyId): Promise<{ readonly revokedAt: number }> {
  return accepted(await catalogue.run(revokeKey, { keyId }));
}

/** The team that the first start makes. */
export const FIRST_TEAM = "default";
const FIRST_NAME = "first key";

function newKey(
  deps: KeysDeps,
  name: string,
  scopes: readonly Scope[],
): { readonly key: string; readonly row: NewKey } {
  // One byte in 32 is dropped to keep the characters equally likely; 96 leave no doubt that 43 remain.
  const key = makeApiKey(deps.random(96));
  return { key, row: { id: deps.ids.next("key"), name, hash: hashApiKey(key), last4: key.slice(-4), scopes } };
}
