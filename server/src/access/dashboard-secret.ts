import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * What a sign-in link and the dashboard's cookie hold: 256 random bits as base64url. The catalogue keeps the SHA-256
 * alone. It has no prefix, so it is told from keys and ids at a glance.
 */
export function makeSecret(random: (bytes: number) => Uint8Array): string {
  return Buffer.from(random(SECRET_BYTES)).toString("base64url");
}

export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret, "utf8").digest("hex");
}

export function isPlausibleSecret(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

/**
 * What the page sends with each write beside the cookie. Only who reads an answer of ours as our own origin knows it;
 * it follows from the cookie's secret, so that there is nothing more to keep, and does not tell it.
 */
export function csrfTokenOf(secret: string): string {
  return createHmac("sha256", secret).update("wharf dashboard: writes").digest("base64url");
}

export function isCsrfToken(secret: string, sent: string): boolean {
  const [expected, given] = [Buffer.from(csrfTokenOf(secret)), Buffer.from(sent)];
  return expected.length === given.length && timingSafeEqual(expected, given);
}

const SECRET_BYTES = 32;
