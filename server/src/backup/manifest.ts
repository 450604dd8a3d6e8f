import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlobKey } from "../blobs/blob-store.ts";
import { fsyncDirectory } from "../blobs/directory-sync.ts";
import { storedKey } from "../blobs/keys.ts";
import { errorCodeOf } from "../errors.ts";
import { parseId, type SessionId } from "../ids.ts";

/**
 * A backup is a folder:
 *
 *     catalogue.db      as it was at one instant
 *     blobs/            originals, texts and the bytes of unfinished uploads that it names
 *     secret            behind upload URLs, unless WHARF_SECRET gives it
 *     contents.jsonl    each object of blobs/ with its length and SHA-256
 *     manifest.json     lengths and digests of the two; written last, so a backup without it did not end
 */
export const NAMES = {
  catalogue: "catalogue.db",
  blobs: "blobs",
  secret: "secret",
  contents: "contents.jsonl",
  manifest: "manifest.json",
} as const;

export const FORMAT = 1;

export interface Manifest {
  readonly format: typeof FORMAT;
  /** RFC 3339: every acknowledgement from before this instant is in the backup. */
  readonly taken_at: string;
  readonly catalogue: Checked;
  readonly contents: Checked;
  readonly secret: boolean;
}

export interface Checked {
  readonly bytes: number;
  readonly sha256: string;
}

/** One line of contents.jsonl. */
export type Entry = Checked &
  (
    | { readonly kind: "blob"; readonly key: BlobKey }
    | { readonly kind: "segment"; readonly session: SessionId; readonly epoch: number }
  );

/** The backup is not one that can be restored; the message says why. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, NAMES.manifest);
  const file = await open(`${path}.tmp`, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  await fsyncDirectory(folder);
}

/** The manifest, after catalogue and contents were found to be what it says. Throws BackupError. */
export async function readManifest(folder: string): Promise<Manifest> {
  const manifest = parseManifest(await textOf(folder));
  for (const name of ["catalogue", "contents"] as const) {
    const path = join(folder, NAMES[name]);
    const { bytes, sha256 } = manifest[name];
    const found = await checked(path).catch(() => null);
    if (found?.bytes !== bytes || found.sha256 !== sha256)
      throw new BackupError(`${path} is not what was backed up: it was damaged or changed. Use another backup.`);
  }
  return manifest;
}

export async function checked(path: string): Promise<Checked> {
  const sha256 = createHash("sha256");
  for await (const chunk of createReadStream(path)) sha256.update(chunk);
  return { bytes: (await stat(path)).size, sha256: sha256.digest("hex") };
}

export function parseEntry(line: string): Entry {
  const found: unknown = JSON.parse(line);
  if (isChecked(found) && "kind" in found) {
    const { bytes, sha256 } = found;
    if (found.kind === "blob" && "key" in found && typeof found.key === "string")
      return { kind: "blob", key: storedKey(found.key), bytes, sha256 };
    if (found.kind === "segment" && "session" in found && "epoch" in found && typeof found.epoch === "number") {
      const session = parseId("sess", String(found.session));
      if (session !== null) return { kind: "segment", session, epoch: found.epoch, bytes, sha256 };
    }
  }
  throw new BackupError(`A line of ${NAMES.contents} is no object of a backup.`);
}

async function textOf(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, NAMES.manifest), "utf8");
  } catch (error) {
    if (errorCodeOf(error) !== "ENOENT") throw error;
    throw new BackupError(`${folder} holds no ${NAMES.manifest}: it is no backup of Wharf's, or one that did not end.`);
  }
}

function parseManifest(text: string): Manifest {
  let found: unknown = null;
  try {
    found = JSON.parse(text);
  } catch {
    // Said below: it is none of ours.
  }
  if (typeof found !== "object" || found === null || !("format" in found) || !("taken_at" in found))
    throw new BackupError(`${NAMES.manifest} is damaged: use another backup.`);
  if (found.format !== FORMAT)
    throw new BackupError(
      `The backup has format ${String(found.format)}, this Wharf reads ${FORMAT}: use the Wharf that made it.`,
    );
  if (!("catalogue" in found && "contents" in found && isChecked(found.catalogue) && isChecked(found.contents)))
    throw new BackupError(`${NAMES.manifest} is damaged: use another backup.`);
  return {
    format: FORMAT,
    taken_at: String(found.taken_at),
    catalogue: found.catalogue,
    contents: found.contents,
    secret: "secret" in found && found.secret === true,
  };
}

function isChecked(value: unknown): value is Checked {
  return (
    typeof value === "object" &&
    value !== null &&
    "bytes" in value &&
    typeof value.bytes === "number" &&
    "sha256" in value &&
    typeof value.sha256 === "string"
  );
}
