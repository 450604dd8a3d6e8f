import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayReadFiles } from "../access/api-key.ts";
import { type Catalogue, TOPICS } from "../catalogue/catalogue.ts";
import { accepted, WharfError } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import { type LongPolls, Wait } from "../http/long-poll.ts";
import type { App } from "../http/route.ts";
import type { FileId, TeamId } from "../ids.ts";
import { type ChangeRoutesDeps, changeRoutes } from "./change-routes.ts";
import { deleteFile } from "./delete-file.store.ts";
import { type DownloadRoutesDeps, downloadRoutes } from "./download-routes.ts";
import { FileParams, refOf } from "./file-ref.ts";
import type { ListDeps } from "./list-files.ts";
import { FileList, fileList, ListQuerystring } from "./list-routes.ts";
import { reindexFile } from "./reindex-file.store.ts";
import { findFile, readFile } from "./store.ts";
import type { FileRef } from "./view.store.ts";
import { ChangedFile, FileObject, fileStatesToWire, fileToWire, isSettled, type WireFile } from "./wire.ts";

export interface FileRoutesDeps extends DownloadRoutesDeps, ListDeps, ChangeRoutesDeps {
  readonly polls: LongPolls;
}

const FILES = "/v1/knowledge/files";

export function fileRoutes(app: App, deps: FileRoutesDeps): void {
  app.get(FILES, {
    config: { scope: "files:read", errors: ["overloaded"] },
    schema: {
      operationId: "listFiles",
      summary: "Your team's files, newest first",
      description:
        'Filters narrow each other. metadata.<key>=<value> compares with a top-level scalar\'s JSON text: metadata.year=2024 is the number, metadata.year="2024" the string. Deleted files appear only under status=deleted.',
      tags: ["files"],
      querystring: ListQuerystring,
      response: { 200: FileList },
    },
    handler: (request, reply) => fileList(deps, request.caller, clientGone(reply), request.query),
  });

  app.get(`${FILES}/:file_id`, {
    config: { scope: "files:read", errors: ["file_not_found"] },
    schema: {
      operationId: "getFile",
      summary: "One file, now or when its status changes",
      description:
        "With wait, the answer is held until status or task.status differs. Send the ETag as If-None-Match to get 304.",
      tags: ["files"],
      params: FileParams,
      querystring: Type.Object({ wait: Wait }),
      response: { 200: FileObject },
    },
    handler: (request, reply) => polledFile(deps, request, reply, refOf(request)),
  });

  app.delete(`${FILES}/:file_id`, {
    config: { scope: "files:write", errors: ["file_not_found"] },
    schema: {
      operationId: "deleteFile",
      summary: "Delete a file, in whatever state",
      description:
        "Search finds it no more from this answer on; bytes, text and index entries are removed within a minute. Repeatable: ids, size and times stay for 30 days.",
      tags: ["files"],
      params: FileParams,
      response: { 200: FileObject },
    },
    handler: async (request) => {
      const input = { ...refOf(request), removalTaskId: deps.ids.next("task") };
      return fileToWire(accepted(await deps.catalogue.run(deleteFile, input)).file);
    },
  });

  app.post(`${FILES}/:file_id/reindex`, {
    config: { scope: "files:write", errors: ["file_not_found"] },
    schema: {
      operationId: "reindexFile",
      summary: "Read and index the same bytes again",
      description:
        "An indexed file stays indexed until the new index takes over. While a task is under way, it is this one.",
      tags: ["files"],
      params: FileParams,
      response: { 202: ChangedFile },
    },
    handler: async (request, reply) => {
      const input = { ...refOf(request), taskId: deps.ids.next("task") };
      reply.code(202);
      const { file } = accepted(await deps.catalogue.run(reindexFile, input));
      return mayReadFiles(request.caller) ? fileToWire(file) : fileStatesToWire(file);
    },
  });

  changeRoutes(app, deps);
  downloadRoutes(app, deps);
}

/** The file of a finalized session as it is now: what finalize answers with, and repeats (FIN-2). */
export async function fileAnswer(catalogue: Catalogue, teamId: TeamId, fileId: FileId): Promise<WireFile> {
  const file = await catalogue.run(readFile, { teamId, fileId });
  if (file === null) throw new WharfError("file_not_found");
  return fileToWire(file);
}

function polledFile(
  deps: FileRoutesDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  ref: FileRef,
): Promise<WireFile> {
  return deps.polls.answer(request, reply, {
    topics: [TOPICS.file(ref.fileId)],
    read: async () => {
      const file = await deps.catalogue.run(findFile, ref);
      if (file === null) throw new WharfError("file_not_found");
      return fileToWire(file);
    },
    state: (file) => `${file.status} ${file.task.status}`,
    ended: isSettled,
  });
}
