import { Type } from "typebox";
import type { Caller } from "../access/store.ts";
import { WharfError } from "../errors.ts";
import { parseId } from "../ids.ts";
import type { FileRef } from "./view.store.ts";

export const FileParams = Type.Object({ file_id: Type.String() });

/** A malformed id is answered like an absent one (ALL-6). */
export function refOf(request: { readonly params: { readonly file_id: string }; readonly caller: Caller }): FileRef {
  const fileId = parseId("file", request.params.file_id);
  if (fileId === null) throw new WharfError("file_not_found");
  return { teamId: request.caller.teamId, fileId };
}
