import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { clientGone } from "../http/client-gone.ts";
import { matchesEtag } from "../http/etag.ts";
import type { App } from "../http/route.ts";
import { type ContentDeps, contentAnswer } from "./content.ts";
import { FileParams, refOf } from "./file-ref.ts";
import { type TextDeps, textAnswer } from "./text.ts";

export interface DownloadRoutesDeps extends ContentDeps, TextDeps {}

const FileText = Type.Object({
  file_id: Type.String(),
  file_version: Type.Integer(),
  pages: Type.Array(
    Type.Object({
      page: Type.Integer({ description: "From 1." }),
      label: Type.Union([Type.String(), Type.Null()], { description: "The page's own name." }),
      text: Type.String(),
    }),
  ),
});

const Unchanged = { description: "If-None-Match names the ETag.", type: "null" } as const;
const Bytes = { content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } } };

export function downloadRoutes(app: App, deps: DownloadRoutesDeps): void {
  app.get("/v1/knowledge/files/:file_id/content", {
    config: {
      scope: "files:read",
      errors: ["file_not_found", "range_not_satisfiable", "integrity_error", "overloaded"],
    },
    schema: {
      operationId: "getFileContent",
      summary: "The original bytes",
      description:
        "An attachment; Range, If-Range and If-None-Match are understood. The ETag is the SHA-256. Damaged bytes are never sent.",
      tags: ["files"],
      params: FileParams,
      response: { 200: Bytes, 206: Bytes, 304: Unchanged },
    },
    handler: async (request, reply) => {
      const { range, "if-range": ifRange, "if-none-match": ifNoneMatch } = request.headers;
      const { status, headers, body } = await contentAnswer(deps, refOf(request), {
        method: methodOf(request),
        range,
        ifRange: ifRange === undefined ? undefined : String(ifRange),
        isKnown: (etag) => matchesEtag(ifNoneMatch, etag),
        by: request.caller,
        gone: clientGone(reply),
      });
      return reply
        .code(status)
        .headers({ ...headers })
        .send(body);
    },
  });

  app.get("/v1/knowledge/files/:file_id/text", {
    config: { scope: "files:read", errors: ["file_not_found", "not_found", "conflict", "overloaded"] },
    schema: {
      operationId: "getFileText",
      summary: "The extracted text, page by page",
      description: "Search results' char_start and char_end count UTF-16 code units of these texts.",
      tags: ["files"],
      params: FileParams,
      querystring: Type.Object({ page: Type.Optional(Type.Integer({ minimum: 1, description: "One page, from 1." })) }),
      // Sent as a stream of that JSON.
      response: { 200: Type.Unsafe<Readable>(FileText) },
    },
    handler: async (request, reply) => {
      const { id: requestId, caller: by } = request;
      const wanted = { method: methodOf(request), page: request.query.page ?? null, requestId, by };
      const body = await textAnswer(deps, refOf(request), wanted);
      return reply.type("application/json; charset=utf-8").send(body);
    },
  });
}

function methodOf(request: FastifyRequest): "GET" | "HEAD" {
  return request.method === "HEAD" ? "HEAD" : "GET";
}
