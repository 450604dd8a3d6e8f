import { createHash } from "node:crypto";
import { BlobStoreError } from "../blobs/blob-store.ts";

/**
 * The original's bytes as they are, but for the last chunk, which comes only when all of them have the digest that
 * finalize recorded. So a reader never gets to the end of a damaged original, and nothing is made of it: text of
 * flipped bits would be indexed and cited. The task meets trouble of the machine (`damaged`) and comes again: the bytes
 * may be restored.
 */
export async function* undamaged(source: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  let last: Uint8Array | null = null;
  for await (const chunk of source) {
    digest.update(chunk);
    if (last !== null) yield last;
    last = chunk;
  }
  if (digest.digest("hex") !== sha256) throw new BlobStoreError("damaged", "the original's SHA-256 is another");
  if (last !== null) yield last;
}
