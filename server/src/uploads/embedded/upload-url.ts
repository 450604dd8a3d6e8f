import { createHmac, timingSafeEqual } from "node:crypto";
import { parseId, type SessionId } from "../../ids.ts";

/**
 * The capability: `<public url>/v1/uploads/{session id}/{signature}`, signature = HMAC-SHA256 of the session id under
 * the server's secret, 43 base64url characters. It is derived, so a replay gives the same URL again and nothing secret
 * is stored; the session's row alone says how long it lives.
 */
const UPLOADS_PATH = "/v1/uploads/";

export function makeUploadUrl(publicUrl: string, secret: string, session: SessionId): string {
  return `${publicUrl}${UPLOADS_PATH}${session}/${signatureOf(secret, session)}`;
}

/**
 * The session that a request path names, or null: whatever was wrong with it, the answer is the same (PUT-13). The
 * signature is checked in constant time, before anything is looked up.
 */
export function sessionOfPath(path: string, secret: string): SessionId | null {
  if (!path.startsWith(UPLOADS_PATH)) return null;
  const [id, signature, ...rest] = path.slice(UPLOADS_PATH.length).split("/");
  if (id === undefined || signature === undefined || rest.length > 0) return null;
  const session = parseId("sess", id);
  if (session === null) return null;
  const expected = Buffer.from(signatureOf(secret, session));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected) ? session : null;
}

function signatureOf(secret: string, session: SessionId): string {
  return createHmac("sha256", secret).update(session).digest("base64url");
}
