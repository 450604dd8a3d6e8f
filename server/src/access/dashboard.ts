import type { Catalogue } from "../catalogue/catalogue.ts";
import { accepted, WharfError } from "../errors.ts";
import type { DashboardSessionId, IdSource, TeamId } from "../ids.ts";
import { DEFAULT_SCOPES, type Scope } from "./api-key.ts";
import {
  createLink,
  endSessions,
  findSession,
  forgetEverySignIn,
  isLinkGood,
  type ListedSession,
  listSessions,
  redeemLink,
  teamSlug,
} from "./dashboard.store.ts";
import { hashSecret, isPlausibleSecret, makeSecret } from "./dashboard-secret.ts";
import type { Caller } from "./store.ts";

/**
 * Signing a browser in (contract ALL-2). A **link** is made on the server's machine, is good once and for a minute,
 * and becomes a **session**, which lives in the catalogue: whoever ends it there has signed the browser out, from its
 * next request on.
 */
export interface DashboardDeps {
  readonly catalogue: Catalogue;
  readonly ids: IdSource;
  /** Cryptographically random bytes. */
  readonly random: (bytes: number) => Uint8Array;
}

export interface DashboardLink {
  /**
   * Below the server's public URL. The secret stands behind `#`: no browser sends that to a server, and none logs it.
   */
  readonly path: string;
  readonly team: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number;
}

/** Throws WharfError `not_found`: there is no such team. */
export async function createDashboardLink(
  { catalogue, random }: Omit<DashboardDeps, "ids">,
  wanted: { readonly team: string; readonly scopes?: readonly Scope[] | undefined },
): Promise<DashboardLink> {
  const { team, scopes = DEFAULT_SCOPES } = wanted;
  const secret = makeSecret(random);
  const made = accepted(await catalogue.run(createLink, { hash: hashSecret(secret), teamSlug: team, scopes }));
  return { path: `/#link=${secret}`, team, scopes, expiresAt: made.expiresAt };
}

/**
 * The secret of the new session's cookie. Throws WharfError `invalid_api_key` for a link that is used up, too old or
 * none.
 */
export async function signIn({ catalogue, ids, random }: DashboardDeps, link: string): Promise<string> {
  const secret = makeSecret(random);
  const linkHash = hashSecret(link);
  const session = { id: ids.next("dash"), hash: hashSecret(secret) };
  const isGood = isPlausibleSecret(link) && (await catalogue.run(isLinkGood, { hash: linkHash }));
  if (!isGood || (await catalogue.run(redeemLink, { linkHash, session })) === null)
    throw new WharfError("invalid_api_key", { message: LINK_IS_OVER });
  return secret;
}

const LINK_IS_OVER =
  "This link has been used, or its minute is over. On the server's machine, wharf dashboard link prints another.";

/** Whom the cookie's secret speaks for, or null: unknown, ended and expired sessions are the same null. */
export async function findDashboardCaller(catalogue: Catalogue, secret: string): Promise<SignedIn | null> {
  if (!isPlausibleSecret(secret)) return null;
  const session = await catalogue.run(findSession, { hash: hashSecret(secret) });
  if (session === null) return null;
  const { id, teamId, scopes, expiresAt } = session;
  return { caller: { teamId, keyId: id, keyName: "dashboard", scopes }, sessionId: id, expiresAt };
}

export interface SignedIn {
  readonly caller: Caller;
  readonly sessionId: DashboardSessionId;
  readonly expiresAt: number;
}

/** Ends one session, or all of a team. Returns how many; ending again ends none. */
export async function endDashboardSessions(
  catalogue: Catalogue,
  which: { readonly id: DashboardSessionId } | { readonly team: string },
): Promise<number> {
  const input = "id" in which ? { id: which.id, teamSlug: null } : { id: null, teamSlug: which.team };
  return (await catalogue.run(endSessions, input)).ended.length;
}

export function listDashboardSessions(catalogue: Catalogue, team: string | null): Promise<readonly ListedSession[]> {
  return catalogue.run(listSessions, { teamSlug: team });
}

export function teamName(catalogue: Catalogue, teamId: TeamId): Promise<string> {
  return catalogue.run(teamSlug, { teamId });
}

/** Of a backup's catalogue: what was signed in does not survive a restore. */
export function dropSignIns(catalogue: Catalogue): Promise<void> {
  return catalogue.run(forgetEverySignIn, {});
}
