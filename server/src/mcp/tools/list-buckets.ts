import { Type } from "typebox";
import type { Result } from "../../../../sdk/src/core/calls.ts";
import type { Bucket } from "../../../../sdk/src/generated/types.ts";
import { shortened } from "../json.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, READS, type ToolContext } from "../tool.ts";
import { Cursor } from "./wire.ts";

export const listBuckets = defineTool({
  name: "list_buckets",
  title: "List the buckets",
  description:
    "The buckets that documents are sorted into, by slug: how many files each has, and how many of them search finds.",
  scope: "files:read",
  annotations: READS,
  input: Type.Object({ cursor: Cursor }, { additionalProperties: false }),
  async run(context, { cursor }) {
    const { buckets, next_cursor: next = null } = await pageOfBuckets(context, cursor);
    return { buckets: buckets.map(bucketOf), next_cursor: next };
  },
});

/** Also what the list of resources is made of. */
export function pageOfBuckets(
  { wharf, signal }: ToolContext,
  cursor: string | undefined,
): Promise<Result<"listBuckets">> {
  return wharf.calls.json("listBuckets", { query: { limit: MCP_LIMITS.listItems, cursor } }, { signal });
}

function bucketOf({ id, slug, name, description, ...counts }: Bucket) {
  return {
    id,
    slug,
    ...(name === slug ? {} : { name: shortened(name, MCP_LIMITS.labelBytes / 2) }),
    ...(description === null ? {} : { description: shortened(description, MCP_LIMITS.labelBytes) }),
    files: counts.fileCount,
    searchable: counts.retrievableFileCount,
  };
}
