import { Type } from "typebox";
import { WharfError } from "../errors.ts";
import { type BucketId, parseId } from "../ids.ts";

export const BucketParams = Type.Object({ bucket_id: Type.String() });

/** A malformed id is answered like an absent one (ALL-6). */
export function bucketIdOf(text: string): BucketId {
  const id = parseId("bucket", text);
  if (id === null) throw new WharfError("bucket_not_found");
  return id;
}
