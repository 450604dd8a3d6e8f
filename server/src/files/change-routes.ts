import { Type } from "typebox";
import { mayReadFiles } from "../access/api-key.ts";
import { BucketParams, bucketIdOf } from "../buckets/bucket-ref.ts";
import { requireBucket } from "../buckets/find-bucket.ts";
import type { JsonValue } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { LIMITS } from "../limits.ts";
import { type BulkDeleteDeps, bulkDelete, readBulkDelete } from "./bulk-delete.ts";
import { type FileChanges, readChange } from "./change-file.ts";
import { FILE_STATES } from "./file.ts";
import { FileParams, refOf } from "./file-ref.ts";
import { FileList, fileList, ListQuerystring } from "./list-routes.ts";
import { ChangedFile, fileStatesToWire, fileToWire } from "./wire.ts";

export interface ChangeRoutesDeps extends BulkDeleteDeps {
  readonly changes: FileChanges;
}

const FILES = "/v1/knowledge/files";

/** PATCH of a file, deletes of many, and the files of one bucket. */
export function changeRoutes(app: App, deps: ChangeRoutesDeps): void {
  app.patch(`${FILES}/:file_id`, {
    config: {
      scope: "files:write",
      errors: ["file_not_found", "bucket_required", "bucket_assignment_failed", "metadata_too_large", "too_many_tags"],
    },
    schema: {
      operationId: "changeFile",
      summary: "Change a file's title, tags, metadata or buckets",
      description:
        "Each field that is given replaces the file's; the buckets of all three forms are the set that it is in afterwards. Searches see all of it from the same instant on.",
      tags: ["files"],
      params: FileParams,
      body: ChangeBody,
      response: { 200: ChangedFile },
    },
    handler: async (request) => {
      const file = await deps.changes.change(refOf(request), readChange(request.body));
      return mayReadFiles(request.caller) ? fileToWire(file) : fileStatesToWire(file);
    },
  });

  // The colon is a part of the path.
  app.post(`${FILES}::delete`, {
    config: { scope: "files:write", errors: ["overloaded"] },
    schema: {
      operationId: "deleteFiles",
      summary: `Delete files by what they have in common, at most ${LIMITS.bulkDeleteFiles} a call`,
      description:
        "Filters narrow each other; at least one is needed. With dry_run nothing is deleted. Call again with next_cursor until it is null.",
      tags: ["files"],
      querystring: Type.Object({ dry_run: DryRunToo }),
      body: BulkDeleteBody,
      response: { 200: BulkDeleted },
    },
    handler: async ({ caller, body, query }, reply) => {
      const dryRun = query.dry_run === true || body.dry_run === true;
      const wanted = readBulkDelete(caller.teamId, { ...body, dry_run: dryRun });
      const { matched, deleted, nextCursor } = await bulkDelete(deps, caller, clientGone(reply), wanted);
      return { matched, deleted, dry_run: wanted.dryRun, next_cursor: nextCursor };
    },
  });

  app.get("/v1/knowledge/buckets/:bucket_id/files", {
    config: { scope: "files:read", errors: ["bucket_not_found", "overloaded"] },
    schema: {
      operationId: "listBucketFiles",
      summary: "The files of one bucket, newest first",
      description: "As the list of all files, with the same filters but for bucket.",
      tags: ["buckets"],
      params: BucketParams,
      querystring: BucketListQuerystring,
      response: { 200: FileList },
    },
    handler: async (request, reply) => {
      const bucketId = bucketIdOf(request.params.bucket_id);
      const ref = { teamId: request.caller.teamId, bucketId };
      await requireBucket(deps.catalogue, ref);
      return fileList(deps, request.caller, clientGone(reply), { ...request.query, bucket: bucketId });
    },
  });
}

/** Any JSON value; its limits are ALL-9's. */
const Json = Type.Unsafe<JsonValue>({});
const Strings = Type.Array(Type.String());

const ChangeBody = Type.Object({
  title: Type.Optional(
    Type.String({ description: `At most ${LIMITS.titleChars} characters; empty counts as absent.` }),
  ),
  tags: Type.Optional(
    Type.Array(Type.String(), { description: `At most ${LIMITS.tags}, each at most ${LIMITS.tagChars} characters.` }),
  ),
  metadata: Type.Optional(
    Type.Record(Type.String(), Json, { description: `At most ${LIMITS.metadataBytes} bytes as JSON.` }),
  ),
  bucket_ids: Type.Optional(Strings),
  bucket_slugs: Type.Optional(Strings),
  bucket: Type.Optional(Type.String({ description: "One slug, or one id." })),
});

/** Where a create has it. Passed over, it would delete what was to be counted. */
const DryRunToo = Type.Optional(Type.Boolean({ description: "Counts as the field does, which a create has here." }));
const BulkDeleteBody = Type.Object({
  filter: Type.Object({
    bucket: Type.Optional(Type.String({ description: "A bucket's id or slug." })),
    tag: Type.Optional(
      Type.Union([Type.String(), Strings], { description: "One, or several that must all be there." }),
    ),
    status: Type.Optional(Type.Enum(FILE_STATES.filter((state) => state !== "deleted"))),
    metadata: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>({
        type: "object",
        additionalProperties: true,
        description: "Pairs that must be equal, scalars only.",
      }),
    ),
    created_before: Type.Optional(Type.String({ description: "RFC 3339; exclusive." })),
    file_ids: Type.Optional(
      Type.Array(Type.String(), { description: `Only these files; at most ${LIMITS.bulkDeleteFiles}.` }),
    ),
  }),
  dry_run: Type.Optional(Type.Boolean({ description: "Default false." })),
  cursor: Type.Optional(Type.String({ description: "next_cursor of the call before, with the same filter." })),
});

const Count = Type.Integer({ minimum: 0 });
const BulkDeleted = Type.Object({
  matched: Count,
  deleted: Count,
  dry_run: Type.Boolean(),
  next_cursor: Type.Union([Type.String(), Type.Null()], { description: "null: nothing more matched." }),
});

const { bucket: _, ...others } = ListQuerystring.properties;
const BucketListQuerystring = Type.Object(others);
