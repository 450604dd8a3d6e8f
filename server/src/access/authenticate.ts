import { timingSafeEqual } from "node:crypto";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { CredentialId, DashboardSessionId } from "../ids.ts";
import { hashApiKey, isPlausibleKey } from "./api-key.ts";
import { isSessionGood } from "./dashboard.store.ts";
import { type Caller, findCaller, isKeyGood } from "./store.ts";

/**
 * Who the `Authorization` header speaks for, or null: unknown, revoked, expired and malformed keys are all the same
 * null, so that an answer tells nothing about a key. One indexed read a request, no cache: a revocation holds at the
 * next request.
 */
export async function authenticate(catalogue: Catalogue, authorization: string | undefined): Promise<Caller | null> {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (key === undefined || !isPlausibleKey(key)) return null;
  const hash = hashApiKey(key);
  const found = await catalogue.run(findCaller, { hash });
  // The look-up is by hash, so its timing tells nothing that helps to guess 256 bits; the comparison does not lean on
  // the database's idea of equality.
  if (found === null || !timingSafeEqual(Buffer.from(found.hash), Buffer.from(hash))) return null;
  return found.caller;
}

/** Whether the key or session of a request that is still being answered is good: one that waits may outlive it. */
export function isStillGood(catalogue: Catalogue, { keyId: id }: Pick<Caller, "keyId">): Promise<boolean> {
  return isDashboardSession(id) ? catalogue.run(isSessionGood, { id }) : catalogue.run(isKeyGood, { id });
}

function isDashboardSession(id: CredentialId): id is DashboardSessionId {
  return id.startsWith("dash_");
}
