export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 128 random bits. Not randomUUID, which pages have over https alone. */
export function randomHex(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}
