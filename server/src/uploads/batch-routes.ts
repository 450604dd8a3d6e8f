import { Type } from "typebox";
import { accepted, type ErrorCode, type JsonValue, WharfError } from "../errors.ts";
import { bucketSyncStatus, FileObject, fileToWire } from "../files/wire.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { type BatchId, parseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { BATCH_STATUSES, batchStatus, countItems, ITEM_STATUSES, itemStatus, sayBatch } from "./batch-status.ts";
import { createUploadBatch, tryUploadBatch } from "./create-batch.ts";
import { type BatchResult, type ExpectedSha256s, finalizeBatch } from "./finalize-batch.ts";
import { type BatchItemView, type BatchView, readBatch } from "./read-batch.store.ts";
import { DryRun, rateHeaders, refusalWith, type UploadRoutesDeps, uploadTarget, validSha256 } from "./routes.ts";

export type BatchRoutesDeps = Omit<UploadRoutesDeps, "fileAnswer" | "fileSchema">;

// The colon is a part of the path.
const BATCHES = "/v1/knowledge/files::batch/upload-session";

export function batchRoutes(app: App, deps: BatchRoutesDeps): void {
  const { createsPerSecond } = deps.config;

  app.post(BATCHES, {
    config: { scope: "files:write", bodyBytes: LIMITS.batchBodyBytes, errors: BATCH_ERRORS },
    schema: {
      operationId: "createUploadBatch",
      summary: `Start the uploads of up to ${LIMITS.batchFiles} documents`,
      description: `One request, which counts as one create. An item that is wrong is rejected and the others go on. Sent again with the same batch_idempotency_key and body, it answers with the same sessions; items whose sessions expired or were cancelled get new ones. A body has at most ${LIMITS.batchBodyBytes} bytes.`,
      tags: ["uploads"],
      querystring: Type.Object({ dry_run: DryRun }),
      body: BatchBody,
      response: { 200: TriedBatchObject, 201: CreatedBatchObject },
    },
    handler: async (request, reply) => {
      const { teamId } = request.caller;
      if (request.query.dry_run === true) {
        const { batchId, tried } = await tryUploadBatch(deps, teamId, request.body);
        const { accepted: names, rejected } = accepted(tried);
        return {
          batch_id: batchId,
          dry_run: true as const,
          upload_strategy: STRATEGY,
          accepted: names.map((name) => ({ client_file_id: name })),
          rejected: rejected.map(rejectedToWire),
        };
      }
      const created = await createUploadBatch(deps, teamId, request.body);
      const headers = rateHeaders(createsPerSecond, created.remaining);
      if ("refusal" in created) throw refusalWith(created.refusal, createsPerSecond, headers);
      if (created.replayed) reply.header("Idempotent-Replayed", "true");
      const targets = created.accepted.map(async ({ clientFileId, session, replayed }) => ({
        client_file_id: clientFileId,
        ...(await uploadTarget(deps.arrivals, session)),
        replayed,
      }));
      const acceptedItems = await Promise.all(targets);
      reply.code(201).headers(headers);
      return {
        batch_id: created.batchId,
        upload_strategy: STRATEGY,
        accepted: acceptedItems,
        rejected: created.rejected.map(rejectedToWire),
      };
    },
  });

  app.post(`${BATCHES}/:batch_id/finalize`, {
    config: { scope: "files:write", emptyBody: true, errors: ["batch_not_found", "invalid_mode", "overloaded"] },
    schema: {
      operationId: "finalizeUploadBatch",
      summary: "Finalize what of a batch has been uploaded",
      description:
        "Every accepted item is in one of the four lists: finalized now, replayed (finalized by an earlier call), pending (bytes are missing) or failed. Retry-safe.",
      tags: ["uploads"],
      params: BatchParams,
      body: Type.Object({
        mode: Type.Optional(Type.String({ description: "finalize_uploaded, the only one and the default." })),
        sha256: Type.Optional(
          Type.Record(Type.String(), Type.String(), {
            description:
              "By client_file_id, 64 hexadecimal digits each; checked against the stored bytes. An item whose bytes are others is in failed, and no file is made of it.",
          }),
        ),
      }),
      response: { 202: FinalizedBatchObject },
    },
    handler: async (request, reply) => {
      const { mode = MODE } = request.body;
      if (mode !== MODE)
        throw new WharfError("invalid_mode", {
          message: `mode must be ${MODE}: what has been uploaded is finalized, and the rest stays pending.`,
          details: { field: "mode", available: [MODE] },
        });
      const ref = { teamId: request.caller.teamId, batchId: batchIdOf(request.params.batch_id) };
      const results = await finalizeBatch(deps, ref, expectedOf(request.body.sha256), clientGone(reply));
      reply.code(202);
      return { batch_id: ref.batchId, status: "finalized" as const, ...resultsToWire(results) };
    },
  });

  app.get("/v1/knowledge/batches/:batch_id", {
    config: { scope: "files:read", errors: ["batch_not_found"] },
    schema: {
      operationId: "getBatch",
      summary: "What became of a batch",
      description:
        "status is accepted until nothing changes by itself any more: then active (all can be found), partially_failed (some failed or were rejected), partially_active (some were never uploaded, or deleted; the others are good) or failed (none is good). Remembered for 7 days from its last create or finalize.",
      tags: ["uploads"],
      params: BatchParams,
      querystring: Type.Object({
        include_items: Type.Optional(Type.Boolean({ description: "Default false." })),
      }),
      response: { 200: BatchObject },
    },
    handler: async ({ caller, params, query }) => {
      const batch = await deps.catalogue.run(readBatch, { teamId: caller.teamId, batchId: batchIdOf(params.batch_id) });
      if (batch === null) throw new WharfError("batch_not_found");
      const items = query.include_items === true ? { items: batch.items.map((item) => itemToWire(item, batch)) } : {};
      return { ...batchToWire(batch), ...items };
    },
  });
}

const STRATEGY = "gcs_resumable" as const;
const MODE = "finalize_uploaded";

const BATCH_ERRORS: readonly ErrorCode[] = [
  "batch_too_large",
  "duplicate_client_file_id",
  "invalid_client_file_id",
  "missing_file_parts",
  "unsupported_manifest_version",
  "bucket_required",
  "bucket_assignment_failed",
  "invalid_filename",
  "invalid_idempotency_key",
  "idempotency_key_reused",
  "rate_limited",
  "storage_full",
  "overloaded",
];

/** A malformed id is answered like an absent one (ALL-6). */
function batchIdOf(text: string): BatchId {
  const id = parseId("batch", text);
  if (id === null) throw new WharfError("batch_not_found");
  return id;
}

function expectedOf(sent: Readonly<Record<string, string>> = {}): ExpectedSha256s {
  return new Map(Object.entries(sent).map(([name, sha256]) => [name, validSha256(sha256, `sha256.${name}`)] as const));
}

function rejectedToWire({ clientFileId, error }: { readonly clientFileId: string; readonly error: WireError }) {
  return { client_file_id: clientFileId, error };
}

function resultsToWire(results: readonly BatchResult[]) {
  const made = (kind: "finalized" | "replayed") =>
    results.flatMap((result) =>
      result.kind === kind
        ? [
            {
              client_file_id: result.item.clientFileId,
              session_id: result.item.sessionId,
              knowledge_id: result.item.fileId,
              task_id: result.item.taskId,
            },
          ]
        : [],
    );
  return {
    finalized: made("finalized"),
    pending: results.flatMap((result) =>
      result.kind === "pending"
        ? [
            {
              client_file_id: result.clientFileId,
              session_id: result.session.id,
              received_bytes: result.arrived,
              size_bytes: result.session.sizeBytes,
            },
          ]
        : [],
    ),
    failed: results.flatMap((result) =>
      result.kind === "failed"
        ? [{ client_file_id: result.clientFileId, session_id: result.session.id, error: result.error }]
        : [],
    ),
    replayed: made("replayed"),
  };
}

function batchToWire(batch: BatchView) {
  const statuses = batch.items.map((item) => itemStatus(item, batch.now));
  return {
    id: batch.id,
    object: "knowledge_batch" as const,
    status: batchStatus(statuses),
    message: sayBatch(batch),
    ...countItems(statuses),
    // A file is active in all of its buckets or in none.
    partialFailedCount: 0,
  };
}

/** Several names of one thing, as the published shape has them. */
function itemToWire(item: BatchItemView, { now }: BatchView) {
  const { clientFileId, session, file } = item;
  const wire = file === null ? null : fileToWire(file);
  return {
    client_file_id: clientFileId,
    clientFileId,
    session_id: session?.id ?? null,
    status: itemStatus(item, now),
    file: wire,
    knowledgeId: session?.fileId ?? null,
    taskId: session?.taskId ?? null,
    canonicalStatus: file?.state ?? null,
    bucketSyncStatus: file === null || file.state === "deleted" ? null : bucketSyncStatus(file.memberships),
    bucketSync: wire?.bucketSync ?? {},
    error: item.error ?? wire?.error ?? null,
  };
}

const Json = Type.Unsafe<JsonValue>({});
const Strings = Type.Array(Type.String());
const Name = Type.String({ description: "^[A-Za-z0-9_.-]{1,128}$, not beginning with __; unique in the batch." });

const BUCKETS = {
  bucket_ids: Type.Optional(Strings),
  bucket_slugs: Type.Optional(Strings),
  bucket: Type.Optional(Type.String({ description: "One slug, or one id." })),
  create_missing_buckets: Type.Optional(Type.Boolean({ description: "Create slugs that do not exist." })),
};

const BatchBody = Type.Object({
  manifest: Type.Object({
    version: Type.Number({ description: "1." }),
    batch_idempotency_key: Type.String({
      description: "1 to 255 printable ASCII characters; the batch's id follows from it.",
    }),
    ...BUCKETS,
    items: Type.Array(
      Type.Object({
        client_file_id: Name,
        filename: Type.String({ description: "What people read: the default of title." }),
        title: Type.Optional(Type.String()),
        tags: Type.Optional(Strings),
        metadata: Type.Optional(Type.Record(Type.String(), Json)),
        idempotency_key: Type.Optional(
          Type.String({
            description:
              "1 to 255 printable ASCII characters. Makes the item the create that has this Idempotency-Key: whichever batch it stands in, or alone, it is one upload.",
          }),
        ),
        ...BUCKETS,
      }),
      { description: "One for each file. Its own bucket fields replace those of the manifest." },
    ),
  }),
  files: Type.Array(
    Type.Object({
      client_file_id: Name,
      filename: Type.String(),
      content_type: Type.Optional(Type.String()),
      size_bytes: Type.Number(),
    }),
    { description: `1 to ${LIMITS.batchFiles}. Each as in a single create.` },
  ),
});

const BatchParams = Type.Object({ batch_id: Type.String() });

const ItemErrorObject = Type.Object({
  code: Type.String(),
  message: Type.String(),
  retryable: Type.Boolean(),
  details: Type.Unsafe<Readonly<Record<string, JsonValue>>>({ type: "object", additionalProperties: true }),
});
type WireError = {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, JsonValue>>;
};

const Rejected = Type.Array(Type.Object({ client_file_id: Type.String(), error: ItemErrorObject }));

const CreatedBatchObject = Type.Object({
  batch_id: Type.String(),
  upload_strategy: Type.Literal(STRATEGY),
  accepted: Type.Array(
    Type.Object({
      client_file_id: Type.String(),
      session_id: Type.String(),
      upload_url: Type.String({
        description: "Absolute; PUT the bytes there. Whoever has it may write: keep it secret.",
      }),
      expires_at: Type.String({ format: "date-time" }),
      replayed: Type.Boolean({
        description: "The session was there: ask upload_url how many of its bytes are, before sending any.",
      }),
    }),
  ),
  rejected: Rejected,
});

const TriedBatchObject = Type.Object({
  batch_id: Type.String(),
  dry_run: Type.Literal(true),
  upload_strategy: Type.Literal(STRATEGY),
  accepted: Type.Array(Type.Object({ client_file_id: Type.String() })),
  rejected: Rejected,
});

const Made = Type.Array(
  Type.Object({
    client_file_id: Type.String(),
    session_id: Type.String(),
    knowledge_id: Type.String({ description: "The file's id." }),
    task_id: Type.String(),
  }),
);

const FinalizedBatchObject = Type.Object({
  batch_id: Type.String(),
  status: Type.Literal("finalized"),
  finalized: Made,
  pending: Type.Array(
    Type.Object({
      client_file_id: Type.String(),
      session_id: Type.String(),
      received_bytes: Type.Integer(),
      size_bytes: Type.Integer(),
    }),
  ),
  failed: Type.Array(Type.Object({ client_file_id: Type.String(), session_id: Type.String(), error: ItemErrorObject })),
  replayed: Made,
});

const Count = Type.Integer({ minimum: 0 });
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

const BatchObject = Type.Object({
  id: Type.String(),
  object: Type.Literal("knowledge_batch"),
  status: Type.Enum([...BATCH_STATUSES]),
  message: Type.String({ description: "For people." }),
  total: Count,
  accepted: Count,
  rejected: Count,
  queued: Count,
  indexing: Count,
  active: Type.Integer({ minimum: 0, description: "Files that search finds." }),
  partialFailedCount: Count,
  failed: Count,
  items: Type.Optional(
    Type.Array(
      Type.Object({
        client_file_id: Type.String(),
        clientFileId: Type.String(),
        session_id: TextOrNull,
        status: Type.Enum([...ITEM_STATUSES], { description: "pending: bytes or finalize are missing." }),
        file: Type.Union([FileObject, Type.Null()]),
        knowledgeId: TextOrNull,
        taskId: TextOrNull,
        canonicalStatus: TextOrNull,
        bucketSyncStatus: TextOrNull,
        bucketSync: Type.Unsafe<Readonly<Record<string, { slug: string; status: string }>>>({
          type: "object",
          additionalProperties: true,
        }),
        error: Type.Union([
          Type.Object({
            code: Type.String(),
            message: Type.String(),
            retryable: Type.Optional(Type.Boolean()),
            details: Type.Optional(ItemErrorObject.properties.details),
          }),
          Type.Null(),
        ]),
      }),
    ),
  ),
});
