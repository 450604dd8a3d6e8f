import type { IncomingMessage } from "node:http";
import { type TSchema, Type } from "typebox";
import { type ErrorCode, WharfError } from "../errors.ts";
import { letContinue } from "../http/bounded-body.ts";
import { clientGone } from "../http/client-gone.ts";
import { refuseCompressed } from "../http/json-body.ts";
import { boundaryOf, readForm } from "../http/multipart.ts";
import type { App } from "../http/route.ts";
import type { FileId, TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { CREATE_ERRORS, idempotencyKeyOf, rateHeaders, refusalWith } from "./routes.ts";
import { BodyCutError, UploadBody } from "./upload-body.ts";
import { fileTooLarge, type IncomingForm, type UploadFileDeps, uploadFile } from "./upload-file.ts";

export interface UploadFileRouteDeps extends UploadFileDeps {
  /** The file object as files/ shows it now, and its schema. */
  readonly fileAnswer: (teamId: TeamId, fileId: FileId) => Promise<unknown>;
  readonly fileSchema: TSchema;
}

/** CON-2: the upload of older clients, and of whoever has one small document and one HTTP call. */
export function uploadFileRoutes(app: App, deps: UploadFileRouteDeps): void {
  const { createsPerSecond, maxFileBytes } = deps.config;

  app.post("/v1/knowledge/files", {
    config: { scope: "files:write", form: uploadForm(maxFileBytes), errors: UPLOAD_ERRORS },
    schema: {
      operationId: "uploadFile",
      summary: "Upload one document in one call",
      description: `As multipart/form-data; the fields may stand before or behind the file. It counts as a create: at most ${createsPerSecond} a second and team. Send an Idempotency-Key to make retries safe: the same key, fields and bytes give the same file. A connection that breaks begins again from the first byte: create an upload session for what has to be resumed.`,
      tags: ["uploads"],
      headers: Type.Object({
        "idempotency-key": Type.Optional(
          Type.String({ description: "1 to 255 characters; the same key, fields and bytes give the same file." }),
        ),
      }),
      response: { 201: deps.fileSchema },
    },
    handler: async (request, reply) => {
      const form = incomingForm(request.raw, maxFileBytes);
      const upload = { by: request.caller, idempotencyKey: idempotencyKeyOf(request.raw), gone: clientGone(reply) };
      const created = await uploadFile(deps, upload, form).catch(sayCut);
      const headers = rateHeaders(createsPerSecond, created.remaining);
      if ("refusal" in created) throw refusalWith(created.refusal, createsPerSecond, headers);
      const { fileId } = created.session;
      if (fileId === null) throw new Error(`${created.session.id} came in one call, and is no file`);
      if (created.replayed) reply.header("Idempotent-Replayed", "true");
      reply.code(201).headers(headers);
      return deps.fileAnswer(request.caller.teamId, fileId);
    },
  });
}

const UPLOAD_ERRORS: readonly ErrorCode[] = [...CREATE_ERRORS, "integrity_error"];

/** Nothing of the body is read yet. Throws for what its head says already. */
function incomingForm(request: IncomingMessage, maxFileBytes: number): IncomingForm {
  const boundary = boundaryOf(request.headers["content-type"]);
  refuseCompressed(request);
  const maxBytes = maxFileBytes + LIMITS.formBytes;
  const length = request.headers["content-length"];
  const declaredBytes = length === undefined ? null : Number(length);
  if (declaredBytes !== null && declaredBytes > maxBytes) throw fileTooLarge(maxFileBytes);
  return {
    declaredBytes,
    read(takeFile) {
      letContinue(request);
      // Slow and stalled ones are cut as at an upload URL (PUT-19).
      const body = new UploadBody(request).chunks();
      return readForm(boundary, atMost(body, maxBytes), { fileField: "file", takeFile });
    },
  };
}

/** Whatever a body is made of that does not say its length. */
async function* atMost(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new WharfError("request_too_large", { details: { max_bytes: maxBytes } });
    yield chunk;
  }
}

/** Mostly nobody is there to read it. */
function sayCut(error: unknown): never {
  if (!(error instanceof BodyCutError)) throw error;
  throw new WharfError("invalid_request", {
    message: "The connection ended before the form did, and nothing of it was kept; send the request again.",
    cause: error,
  });
}

function uploadForm(maxFileBytes: number) {
  const texts = (description: string) => Type.Optional(Type.Array(Type.String(), { description }));
  return Type.Object({
    file: Type.String({
      contentMediaType: "application/octet-stream",
      format: "binary",
      description: `The document, 1 to ${maxFileBytes} bytes, with its filename; the part's Content-Type is its content_type.`,
    }),
    title: Type.Optional(Type.String({ description: `At most ${LIMITS.titleChars} characters; default: filename.` })),
    tags: texts(`One field a tag; at most ${LIMITS.tags}, each at most ${LIMITS.tagChars} characters.`),
    metadata: Type.Optional(
      Type.String({ description: `The JSON text of an object, at most ${LIMITS.metadataBytes} bytes.` }),
    ),
    bucket_ids: texts("One field an id."),
    bucket_slugs: texts("One field a slug."),
    bucket: Type.Optional(Type.String({ description: "One slug, or one id." })),
    create_missing_buckets: Type.Optional(
      Type.Union([Type.Literal("true"), Type.Literal("false"), Type.Literal("")], {
        description: "true: create slugs that do not exist.",
      }),
    ),
  });
}
