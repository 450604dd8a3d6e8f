import { type Static, Type } from "typebox";
import type { Holder } from "../fairness/places.ts";
import { LIMITS } from "../limits.ts";
import { FILE_STATES } from "./file.ts";
import { LIST_ORDERS, makeCursor, parseListQuery } from "./list.ts";
import { type ListDeps, readFiles } from "./list-files.ts";
import { FileObject, fileToWire } from "./wire.ts";

/** What lists of files have in common: all of a team's, and those of one bucket. */
export const ListQuerystring = Type.Object({
  bucket: Type.Optional(Type.String({ description: "A bucket's id or slug." })),
  tag: Type.Optional(Type.Array(Type.String(), { description: "Repeat it: all of them must be there." })),
  status: Type.Optional(Type.Enum([...FILE_STATES])),
  created_after: Type.Optional(Type.String({ description: "RFC 3339; exclusive." })),
  name: Type.Optional(
    Type.String({ description: "Part of the file name or the title; ASCII letters in either case." }),
  ),
  order: Type.Optional(Type.Enum([...LIST_ORDERS], { description: "By the time of upload; default newest first." })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: LIMITS.listMax, description: `Default ${LIMITS.listDefault}.` }),
  ),
  cursor: Type.Optional(Type.String({ description: "next_cursor of the page before, with the same filters." })),
});

export const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description:
    "null at the end, and only there: a page before it may be short, or empty, when a filter matches rarely.",
});

export const FileList = Type.Object({ files: Type.Array(FileObject), next_cursor: NextCursor });

export async function fileList(
  deps: ListDeps,
  by: Holder,
  gone: AbortSignal,
  query: Static<typeof ListQuerystring>,
): Promise<Static<typeof FileList>> {
  const { teamId } = by;
  const { bucket, tag: tags = [], status, created_after: createdAfter, name, order, limit, cursor } = query;
  const request = parseListQuery(teamId, {
    bucket,
    tags,
    status,
    createdAfter,
    name,
    order,
    limit,
    cursor,
    metadata: metadataFilters(query),
  });
  const { files, next } = await readFiles(deps, by, gone, request);
  return { files: files.map(fileToWire), next_cursor: next === null ? null : makeCursor(teamId, request.filter, next) };
}

/** `metadata.<key>` may be any key, so the schema cannot name it; repeated, all must match. */
function metadataFilters(query: object): readonly (readonly [key: string, value: string])[] {
  const prefix = "metadata.";
  return Object.entries(query)
    .filter(([name]) => name.startsWith(prefix))
    .flatMap(([name, values]) => [values].flat().map((value) => [name.slice(prefix.length), String(value)] as const));
}
