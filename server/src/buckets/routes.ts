import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayReadFiles } from "../access/api-key.ts";
import type { Config } from "../config.ts";
import { accepted, WharfError } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import type { BucketId, IdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { spelledAsSlug } from "./bucket.ts";
import { BucketParams, bucketIdOf } from "./bucket-ref.ts";
import { changeBucket, createBucket, deleteBucket } from "./change.store.ts";
import { readBucketChange, readNewBucket } from "./change-bucket.ts";
import { type ListingDeps, listingAnswer } from "./listing.ts";
import { readBucket } from "./store.ts";
import { Bucket, BucketStates, bucketToWire, ChangedBucket, DeletedBucket } from "./wire.ts";

export interface BucketRoutesDeps extends ListingDeps {
  readonly ids: IdSource;
  readonly config: Pick<Config, "bucketsPerTeam">;
}

const BUCKETS = "/v1/knowledge/buckets";
const BUCKET = `${BUCKETS}/:bucket_id`;

export function bucketRoutes(app: App, deps: BucketRoutesDeps): void {
  const { bucketsPerTeam } = deps.config;

  app.get(BUCKETS, {
    config: { scope: "files:read", errors: ["overloaded"] },
    schema: {
      operationId: "listBuckets",
      summary: "The team's buckets",
      description: "All of them by slug, unless limit or cursor is given.",
      tags: ["buckets"],
      querystring: Type.Object({
        include_archived: Type.Optional(Type.Boolean({ description: "Default false: active buckets only." })),
        slug_prefix: Type.Optional(
          Type.String({ description: "Only buckets whose slug begins so; what is sent is spelled as a slug is." }),
        ),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.listMax })),
        cursor: Type.Optional(Type.String({ description: "next_cursor of the page before." })),
      }),
      // Sent as a stream of that JSON.
      response: { 200: Type.Unsafe<Readable>(BucketList) },
    },
    handler: async (request, reply) => {
      const { limit, cursor, include_archived: includeArchived = false, slug_prefix: prefix = "" } = request.query;
      const paged = limit !== undefined || cursor !== undefined;
      const body = await listingAnswer(deps, {
        by: request.caller,
        gone: clientGone(reply),
        requestId: request.id,
        method: request.method === "HEAD" ? "HEAD" : "GET",
        includeArchived,
        slugPrefix: spelledAsSlug(prefix),
        cursor,
        limit: paged ? (limit ?? LIMITS.listMax) : null,
      });
      return reply.type("application/json; charset=utf-8").send(body);
    },
  });

  app.post(BUCKETS, {
    config: { scope: "files:write", errors: ["conflict", "bucket_assignment_failed"] },
    schema: {
      operationId: "createBucket",
      summary: "Make a bucket",
      description: `Creates with create_missing_buckets make them too. A team may have ${bucketsPerTeam}, archived ones too; one more is bucket_assignment_failed with details.limit. A slug that is taken is 409 conflict.`,
      tags: ["buckets"],
      body: NewBucketBody,
      response: { 201: ChangedBucket },
    },
    handler: async (request, reply) => {
      const bucket = readNewBucket(request.body);
      const input = { ...bucket, id: deps.ids.next("bucket"), teamId: request.caller.teamId, bucketsPerTeam };
      const { id } = accepted(await deps.catalogue.run(createBucket, input));
      reply.code(201);
      return changedAnswer(deps, request, reply, { id, status: "active" });
    },
  });

  app.get(BUCKET, {
    config: { scope: "files:read", errors: ["bucket_not_found", "overloaded"] },
    schema: {
      operationId: "getBucket",
      summary: "One bucket",
      tags: ["buckets"],
      params: BucketParams,
      response: { 200: Bucket },
    },
    handler: (request, reply) => bucketAnswer(deps, request, reply, bucketIdOf(request.params.bucket_id)),
  });

  app.patch(BUCKET, {
    config: { scope: "files:write", errors: ["bucket_not_found"] },
    schema: {
      operationId: "changeBucket",
      summary: "Rename, describe, archive a bucket, or bring it back",
      description:
        "What is not given stays. An archived bucket takes no new upload and is searched no more from this answer on; uploads that were open before are still filed there. status active brings it back as it was.",
      tags: ["buckets"],
      params: BucketParams,
      body: BucketChangeBody,
      response: { 200: ChangedBucket },
    },
    handler: async (request, reply) => {
      const ref = { teamId: request.caller.teamId, bucketId: bucketIdOf(request.params.bucket_id) };
      const changed = await deps.catalogue.run(changeBucket, { ...ref, ...readBucketChange(request.body) });
      return changedAnswer(deps, request, reply, accepted(changed));
    },
  });

  app.delete(BUCKET, {
    config: { scope: "files:write", errors: ["bucket_not_found", "bucket_not_empty"] },
    schema: {
      operationId: "deleteBucket",
      summary: "Delete a bucket",
      description:
        "One that has files is 409 bucket_not_empty, unless force is true: then its files leave it, and those that are in no other bucket are deleted. Nobody sees them from this answer on; their bytes are removed after it.",
      tags: ["buckets"],
      params: BucketParams,
      querystring: Type.Object({
        force: Type.Optional(Type.Boolean({ description: "Default false: only an empty bucket is deleted." })),
      }),
      response: { 200: DeletedBucket },
    },
    handler: async (request) => {
      const { caller, params, query } = request;
      const input = {
        teamId: caller.teamId,
        bucketId: bucketIdOf(params.bucket_id),
        force: query.force ?? false,
      };
      const { id, slug, files } = accepted(await deps.catalogue.run(deleteBucket, input));
      return { id, status: "deleted" as const, ...(mayReadFiles(caller) ? { slug, files_removed: files } : {}) };
    },
  });
}

/** ALL-10: a key that may not read learns ids and states of what it changed. */
async function changedAnswer(
  deps: BucketRoutesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  { id, status }: { readonly id: BucketId; readonly status: "active" | "archived" },
) {
  if (mayReadFiles(request.caller)) return bucketAnswer(deps, request, reply, id);
  return { id, teamId: request.caller.teamId, status };
}

async function bucketAnswer(
  { catalogue, walks }: BucketRoutesDeps,
  { caller }: FastifyRequest,
  reply: FastifyReply,
  bucketId: BucketId,
) {
  const ref = { teamId: caller.teamId, bucketId };
  const bucket = await walks.run(caller, clientGone(reply), () => catalogue.run(readBucket, ref));
  if (bucket === null) throw new WharfError("bucket_not_found");
  return bucketToWire(bucket);
}

const Name = Type.String({ description: `At most ${LIMITS.bucketNameChars} characters; empty counts as absent.` });
const Description = Type.String({
  description: `At most ${LIMITS.bucketDescriptionChars} characters; an empty one takes it away.`,
});

const NewBucketBody = Type.Object({
  slug: Type.String({
    description: "a-z, 0-9 and -, at most 63; capitals are lower-cased, a space and _ become -.",
  }),
  name: Type.Optional(Name),
  description: Type.Optional(Description),
});

const BucketChangeBody = Type.Object({
  name: Type.Optional(Name),
  description: Type.Optional(Description),
  status: Type.Optional(BucketStates.properties.status),
  slug: Type.Optional(Type.String({ description: "May not be given: a bucket keeps its slug." })),
});

const BucketList = Type.Object({
  team_id: Type.String(),
  buckets: Type.Array(Bucket),
  next_cursor: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
