import { timingSafeEqual } from "node:crypto";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { hashApiKey, isPlausibleKey } from "./api-key.ts";
import { type Caller, findCaller } from "./store.ts";

/**
 * Who the `Authorization` header speaks for, or null: unknown, revoked, expired and malformed keys are all the same null, so that
 * an answer tells nothing about a key. One indexed read a request, no cache: a revocation holds at the next request.
 */
export async function authenticate(catalogue: Catalogue, authorization: string | undefined): Promise<Caller | null> {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (key === undefined || !isPlausibleKey(key)) return null;
  const hash = hashApiKey(key);
  const found = await catalogue.run(findCaller, { hash });
  // The look-up is by hash, so its timing tells nothing that helps to guess 256 bits; the comparison does not lean on the
  // database's idea of equality.
  if (found === null || !timingSafeEqual(Buffer.from(found.hash), Buffer.from(hash))) return null;
  return found.caller;
}
