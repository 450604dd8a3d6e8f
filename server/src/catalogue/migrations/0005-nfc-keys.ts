import { createHash } from "node:crypto";
import type { Migration } from "../migration.ts";

/**
 * Tags and metadata compare after NFC since this version (contract §12 search): `file_tags.tag` and
 * `file_metadata.fingerprint`, which are compared, get the keys that are made of them now. What was sent stands in
 * `files` as it was.
 */
export const nfcKeys: Migration = {
  version: 5,
  name: "NFC keys",
  functions: { wharf_nfc: (text) => text.normalize("NFC"), wharf_fingerprints: fingerprints },
  statements: () => [
    // Two tags of a file may be one by now.
    `INSERT INTO file_tags (team_id, tag, file_id)
     SELECT team_id, wharf_nfc(tag), file_id FROM file_tags WHERE tag <> wharf_nfc(tag) ON CONFLICT DO NOTHING`,
    `DELETE FROM file_tags WHERE tag <> wharf_nfc(tag)`,
    `DELETE FROM file_metadata WHERE file_id IN (SELECT id FROM files WHERE metadata <> wharf_nfc(metadata))`,
    `INSERT INTO file_metadata (team_id, fingerprint, file_id)
     SELECT team_id, one.value, files.id FROM files, json_each(wharf_fingerprints(metadata)) AS one
     WHERE metadata <> wharf_nfc(metadata)`,
  ],
};

/** Of a file's metadata, as JSON: one for each scalar at the top, in NFC, without doubles. */
function fingerprints(json: string): string {
  const metadata: unknown = JSON.parse(json);
  if (typeof metadata !== "object" || metadata === null) return "[]";
  const scalars = Object.entries(metadata).filter(([, value]) => value === null || typeof value !== "object");
  const pairs = scalars.map(([key, value]) => `${key}\0${JSON.stringify(value)}`.normalize("NFC"));
  return JSON.stringify([...new Set(pairs)].map((pair) => createHash("sha256").update(pair).digest("hex")));
}
