import type { Readable } from "node:stream";
import { Type } from "typebox";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { LIMITS } from "../limits.ts";
import { type ListingDeps, listingAnswer } from "./listing.ts";
import { Bucket } from "./wire.ts";

export function bucketRoutes(app: App, deps: ListingDeps): void {
  app.get("/v1/knowledge/buckets", {
    config: { scope: "files:read", errors: ["overloaded"] },
    schema: {
      operationId: "listBuckets",
      summary: "The team's buckets",
      description: "All of them by slug, unless limit or cursor is given.",
      tags: ["buckets"],
      querystring: Type.Object({
        include_archived: Type.Optional(Type.Boolean({ description: "Default false: active buckets only." })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.listMax })),
        cursor: Type.Optional(Type.String({ description: "next_cursor of the page before." })),
      }),
      // Sent as a stream of that JSON.
      response: { 200: Type.Unsafe<Readable>(BucketList) },
    },
    handler: async (request, reply) => {
      const { limit, cursor, include_archived: includeArchived = false } = request.query;
      const paged = limit !== undefined || cursor !== undefined;
      const body = await listingAnswer(deps, {
        by: request.caller,
        gone: clientGone(reply),
        requestId: request.id,
        method: request.method === "HEAD" ? "HEAD" : "GET",
        includeArchived,
        cursor,
        limit: paged ? (limit ?? LIMITS.listMax) : null,
      });
      return reply.type("application/json; charset=utf-8").send(body);
    },
  });
}

const BucketList = Type.Object({
  team_id: Type.String(),
  buckets: Type.Array(Bucket),
  next_cursor: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});
