import type { FileId, SessionId } from "../ids.ts";
import type { BlobKey } from "./blob-store.ts";

/** Names of blobs. Ours alone: nothing that a client sent is ever part of one, but for the hash of its bytes. */

/** The original of a session: `originals/<session>/<sha256>`. */
export function originalKey(session: SessionId, sha256: string): BlobKey {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error("sha256 must be 64 hexadecimal digits");
  return brandKey(`originals/${session}/${sha256}`);
}

/** The extracted text of a build, one page a line: `text/<file>/<build>.jsonl`. */
export function textKey(file: FileId, build: string): BlobKey {
  if (!/^[A-Za-z0-9_]{1,100}$/.test(build)) throw new Error("a build is letters, digits and _");
  return brandKey(`text/${file}/${build}.jsonl`);
}

/** A key as it was stored in the catalogue. */
export function storedKey(text: string): BlobKey {
  if (
    !/^(originals\/sess_[A-Za-z0-9_]+\/[0-9a-f]{64}|text\/file_[A-Za-z0-9_]+\/[A-Za-z0-9_]{1,100}\.jsonl)$/.test(text)
  )
    throw new Error("not a blob key");
  return brandKey(text);
}

function brandKey(text: string): BlobKey {
  return text as BlobKey;
}
