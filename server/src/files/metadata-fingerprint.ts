import { createHash } from "node:crypto";

/** What can be compared: a value at the top of a file's metadata that is no object and no list. */
export type MetadataScalar = string | number | boolean | null;

/**
 * The row of `file_metadata` that says "this key has this value": SHA-256 of key NUL JSON text, hexadecimal. A digest,
 * because a value may have 8 KiB and an index entry should not. After NFC: what looks the same is the same (contract
 * §12 search). Keys cannot hold NUL (ALL-9), so that no two pairs spell the same text; the string "2024" and the number
 * 2024 differ, as their JSON texts do.
 */
export function metadataFingerprint(key: string, value: MetadataScalar): string {
  return createHash("sha256")
    .update(`${key}\0${JSON.stringify(value)}`.normalize("NFC"))
    .digest("hex");
}

/**
 * One fingerprint for each scalar at the top of the metadata, given as its stored JSON text, each once: two keys may be
 * one after NFC. Nested values are kept, not found.
 */
export function metadataFingerprints(metadataJson: string): readonly string[] {
  const metadata: unknown = JSON.parse(metadataJson);
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return [];
  const scalars = Object.entries(metadata).filter((pair): pair is [string, MetadataScalar] => isScalar(pair[1]));
  return [...new Set(scalars.map(([key, value]) => metadataFingerprint(key, value)))];
}

export function isScalar(value: unknown): value is MetadataScalar {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
