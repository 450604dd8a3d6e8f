import { basename, dirname } from "node:path";
import { brandId, type FileId, type SessionId } from "../ids.ts";
import { AREAS, type BlobKey, type StoredEntry } from "./blob-store.ts";
import { originalKey, textKey } from "./keys.ts";

/**
 * Where things lie below the store's root:
 *
 *     segments/<shard>/<session>.<epoch>      what one data request wrote
 *     originals/<shard>/<session>.<sha256>    a published original
 *     text/<shard>/<file>.<build>.jsonl       a build's extracted text
 *     <any of these>/<shard>/.tmp-…           what a publish or put is still writing
 *
 * All folders are made when the store opens. A folder made later would have to be fsynced in its parent before the
 * first acknowledgement that depends on it; a fixed set has nothing to forget. 256 shards keep a folder at some 4 000
 * names for a million files, so that listing one, which removing a session's segments needs, stays well under a
 * millisecond.
 */
export const SHARDS: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

const TEMPORARY = /^\.tmp-[A-Za-z0-9-]{1,80}$/;

/** The shard of a session or file: FNV-1a, because ids begin with the time and would fill one shard after the other. */
function shardOf(id: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff).toString(16).padStart(2, "0");
}

/** The folder of a session's segments, relative to the root. */
export function segmentFolder(session: SessionId): string {
  return `segments/${shardOf(session)}`;
}

export function segmentPath(session: SessionId, epoch: number): string {
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new Error("an epoch is a whole number");
  return `${segmentFolder(session)}/${session}.${epoch}`;
}

/** `<area>/<id>/<rest>` becomes `<area>/<shard>/<id>.<rest>`; an id has no dot, so the way back is unambiguous. */
export function blobPath(key: BlobKey): string {
  const [area, id, rest] = key.split("/");
  if (area === undefined || id === undefined || rest === undefined) throw new Error("not a blob key");
  return `${area}/${shardOf(id)}/${id}.${rest}`;
}

/** A temporary name in the folder of `path`: on its file system, and fsynced with it. */
export function temporaryBeside(path: string, unique: string): string {
  return `${dirname(path)}/.tmp-${unique}`;
}

/**
 * Whether the text is a temporary's name as `list` gives it: what a caller hands back is checked before it is unlinked.
 */
function isTemporaryPath(path: string): boolean {
  const [area, shard, name, ...more] = path.split("/");
  return (
    AREAS.some((known) => known === area) &&
    SHARDS.some((known) => known === shard) &&
    name !== undefined &&
    TEMPORARY.test(name) &&
    more.length === 0
  );
}

/** The epoch of a session's segment file, or null when the file is another session's. */
export function epochOf(session: SessionId, name: string): number | null {
  if (!name.startsWith(`${session}.`)) return null;
  const digits = name.slice(session.length + 1);
  return /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}

/**
 * What a path means, or null when it is none of ours (an editor's backup, a file in the wrong shard). `bytes` is a
 * segment's, `ageMs` a temporary's.
 */
export function readPath(path: string, bytes: number, ageMs: number): StoredEntry | null {
  if (isTemporaryPath(path)) return { kind: "temporary", name: path, ageMs };
  const [area = ""] = path.split("/");
  const [, id = "", rest = ""] = /^([A-Za-z0-9_]+)\.(.+)$/.exec(basename(path)) ?? [];
  const entry = readName(area, id, rest, bytes);
  return entry !== null && pathOf(entry) === path ? entry : null;
}

/** Where an entry lies, relative to the root. */
export function pathOf(entry: StoredEntry): string {
  if (entry.kind === "temporary") return entry.name;
  return entry.kind === "segment" ? segmentPath(entry.session, entry.epoch) : blobPath(entry.key);
}

function readName(area: string, id: string, rest: string, bytes: number): StoredEntry | null {
  if (area === "segments" && id.startsWith("sess_") && /^\d{1,15}$/.test(rest))
    return { kind: "segment", session: brandId("sess", id), epoch: Number(rest), bytes };
  if (area === "originals" && id.startsWith("sess_") && /^[0-9a-f]{64}$/.test(rest)) {
    const session: SessionId = brandId("sess", id);
    return { kind: "original", session, key: originalKey(session, rest) };
  }
  const build = /^([A-Za-z0-9_]{1,100})\.jsonl$/.exec(rest)?.[1];
  if (area === "text" && id.startsWith("file_") && build !== undefined) {
    const file: FileId = brandId("file", id);
    return { kind: "text", file, build, key: textKey(file, build) };
  }
  return null;
}
