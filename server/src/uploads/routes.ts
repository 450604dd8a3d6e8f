import type { IncomingMessage } from "node:http";
import { type TSchema, Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import type { Config } from "../config.ts";
import { type ErrorCode, type JsonValue, type Refusal, WharfError } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { type FileId, parseId, type SessionId, type TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Arrivals } from "./arrivals.ts";
import { type CreateDeps, createUploadSession, tryUploadSession } from "./create-session.ts";
import type { ExpectedDigests, Finalizer } from "./finalize.ts";
import { parseIdempotencyKey } from "./idempotency.ts";
import { type SessionPageDeps, sessionPage } from "./list-sessions.ts";
import { cancelSession, readSession } from "./session.store.ts";
import { isExpired, SESSION_STATES, type Session } from "./session.ts";

export interface UploadRoutesDeps extends CreateDeps, SessionPageDeps {
  readonly config: Pick<Config, "bucketsPerTeam" | "createsPerSecond" | "maxFileBytes" | "sessionTtlSeconds">;
  readonly clock: { now(): number };
  readonly arrivals: Arrivals;
  readonly finalizer: Finalizer;
  /** The file object as files/ shows it now, and its schema. */
  readonly fileAnswer: (teamId: TeamId, fileId: FileId) => Promise<unknown>;
  readonly fileSchema: TSchema;
}

const SESSIONS = "/v1/knowledge/files/upload-session";

/** Of whatever makes one upload. */
export const CREATE_ERRORS: readonly ErrorCode[] = [
  "bucket_required",
  "bucket_assignment_failed",
  "invalid_size",
  "invalid_filename",
  "metadata_too_large",
  "too_many_tags",
  "invalid_idempotency_key",
  "file_too_large",
  "idempotency_key_reused",
  "rate_limited",
  "storage_full",
  "overloaded",
];

export function uploadRoutes(app: App, deps: UploadRoutesDeps): void {
  const { bucketsPerTeam, createsPerSecond, maxFileBytes } = deps.config;

  app.post(SESSIONS, {
    config: {
      scope: "files:write",
      errors: CREATE_ERRORS,
    },
    schema: {
      operationId: "createUploadSession",
      summary: "Start the upload of one document",
      description: `Chooses the buckets and returns a short-lived resumable upload_url. At most ${createsPerSecond} a second and team. Send an Idempotency-Key to make retries safe.`,
      tags: ["uploads"],
      headers: Type.Object({
        "idempotency-key": Type.Optional(
          Type.String({ description: "1 to 255 characters; the same key and body give the same session." }),
        ),
      }),
      querystring: Type.Object({ dry_run: DryRun }),
      body: createBody({ bucketsPerTeam, maxFileBytes }),
      response: { 200: TriedSession, 201: CreatedSession },
    },
    handler: async (request, reply) => {
      if (request.query.dry_run === true) {
        const key = idempotencyKeyOf(request.raw);
        const { bucketIds, newSlugs, replays } = await tryUploadSession(deps, request.caller.teamId, request.body, key);
        return { dry_run: true as const, bucket_ids: [...bucketIds], new_bucket_slugs: [...newSlugs], replays };
      }
      const created = await createUploadSession(
        deps,
        request.caller.teamId,
        request.body,
        idempotencyKeyOf(request.raw),
      );
      const headers = rateHeaders(createsPerSecond, created.remaining);
      if ("refusal" in created) throw refusalWith(created.refusal, createsPerSecond, headers);
      if (created.replayed) reply.header("Idempotent-Replayed", "true");
      const target = await uploadTarget(deps.arrivals, created.session);
      reply.code(201).headers(headers);
      return { upload_strategy: "gcs_resumable" as const, ...target };
    },
  });

  app.post(`${SESSIONS}/:session_id/finalize`, {
    config: {
      scope: "files:write",
      emptyBody: true,
      errors: [
        "session_not_found",
        "upload_incomplete",
        "session_expired",
        "session_cancelled",
        "checksum_mismatch",
        "conflict",
        "integrity_error",
      ],
    },
    schema: {
      operationId: "finalizeUploadSession",
      summary: "Make a file of the uploaded bytes and queue its indexing",
      description: "Retry-safe: repeating it answers with the same file and task.",
      tags: ["uploads"],
      params: SessionParams,
      body: Type.Object({
        sha256: Type.Optional(Type.String({ description: "64 hexadecimal digits; checked against the stored bytes." })),
        crc32c: Type.Optional(
          Type.String({ description: "Base64 of 4 big-endian bytes; checked against the stored bytes." }),
        ),
      }),
      response: { 201: deps.fileSchema },
    },
    handler: async (request, reply) => {
      const { teamId } = request.caller;
      const { fileId } = await deps.finalizer.finalize(
        teamId,
        sessionIdOf(request.params.session_id),
        expectedOf(request.body),
        clientGone(reply),
      );
      reply.code(201);
      return deps.fileAnswer(teamId, fileId);
    },
  });

  app.get(`${SESSIONS}s`, {
    config: { scope: "files:read", errors: ["overloaded"] },
    schema: {
      operationId: "listUploadSessions",
      summary: "Your team's uploads, newest first",
      description: "Ended ones are remembered for 7 days. Never shows an upload_url.",
      tags: ["uploads"],
      querystring: Type.Object({
        status: Type.Optional(SessionObject.properties.status),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: LIMITS.listMax, description: `Default ${LIMITS.listDefault}.` }),
        ),
        cursor: Type.Optional(Type.String({ description: "next_cursor of the page before, with the same status." })),
      }),
      response: { 200: SessionList },
    },
    handler: async ({ caller, query }, reply) => {
      const { sessions, nextCursor } = await sessionPage(deps, caller, clientGone(reply), query);
      return { sessions: await Promise.all(sessions.map((session) => toWire(deps, session))), next_cursor: nextCursor };
    },
  });

  app.get(`${SESSIONS}/:session_id`, {
    config: { scope: "files:read", errors: ["session_not_found"] },
    schema: {
      operationId: "getUploadSession",
      summary: "The state of an upload",
      description: "Never shows the upload_url: whoever has it may write.",
      tags: ["uploads"],
      params: SessionParams,
      response: { 200: SessionObject },
    },
    handler: async (request) => {
      const id = sessionIdOf(request.params.session_id);
      const session = await deps.catalogue.run(readSession, { id, teamId: request.caller.teamId });
      if (session === null) throw new WharfError("session_not_found");
      return toWire(deps, session);
    },
  });

  app.delete(`${SESSIONS}/:session_id`, {
    config: { scope: "files:write", errors: ["session_not_found", "conflict"] },
    schema: {
      operationId: "cancelUploadSession",
      summary: "Give an upload up",
      description: "Repeatable. A finalized session is left as it is (409): delete its file instead.",
      tags: ["uploads"],
      params: SessionParams,
      response: { 200: SessionObject },
    },
    handler: async (request) => {
      const session = await cancelUpload(deps, request.caller.teamId, sessionIdOf(request.params.session_id));
      const { filename: _, ...states } = await toWire(deps, session);
      return states;
    },
  });
}

/** The session's end first, then its bytes: whoever still writes them changes no row any more. */
async function cancelUpload(deps: UploadRoutesDeps, teamId: TeamId, id: SessionId): Promise<Session> {
  const cancelled = await deps.catalogue.run(cancelSession, { id, teamId });
  if (cancelled === null) throw new WharfError("session_not_found");
  const { session } = cancelled;
  if (session.state === "finalized")
    throw new WharfError("conflict", {
      message: `The upload is finalized. To remove its file, send DELETE /v1/knowledge/files/${session.fileId}.`,
      details: { file_id: session.fileId },
    });
  if (cancelled.ended) await deps.arrivals.discard(id);
  return session;
}

function sessionIdOf(text: string): SessionId {
  const id = parseId("sess", text);
  if (id === null) throw new WharfError("session_not_found");
  return id;
}

/** IDE-1: one header, bare or quoted. Node joins repeated headers, so they are counted where they still stand apart. */
export function idempotencyKeyOf(request: IncomingMessage): string | null {
  const values = request.headersDistinct["idempotency-key"];
  if (values === undefined) return null;
  const [value] = values;
  const key = value === undefined || values.length > 1 ? null : parseIdempotencyKey(value);
  if (key === null) throw new WharfError("invalid_idempotency_key");
  return key;
}

/** LIM-2. */
export function rateHeaders(createsPerSecond: number, remaining: number): Readonly<Record<string, string>> {
  return {
    "RateLimit-Policy": `"create";q=${createsPerSecond};w=1`,
    RateLimit: `"create";r=${remaining};t=1`,
  };
}

export function refusalWith(
  refusal: Refusal,
  createsPerSecond: number,
  headers: Readonly<Record<string, string>>,
): WharfError {
  const limited = refusal.refused === "rate_limited";
  return new WharfError(refusal.refused, {
    message: limited
      ? `A team may create ${createsPerSecond} upload sessions a second. Wait the Retry-After seconds, then try again.`
      : refusal.message,
    details: limited ? { limit: createsPerSecond, window_seconds: 1 } : refusal.details,
    headers: limited ? { ...headers, "Retry-After": "1" } : headers,
  });
}

/** FIN-5, contract §12: the forms that digests may have. */
function expectedOf(body: { sha256?: string | undefined; crc32c?: string | undefined }): ExpectedDigests {
  const { sha256, crc32c } = body;
  const expected = sha256 === undefined ? null : validSha256(sha256, "sha256");
  if (crc32c !== undefined && !/^[A-Za-z0-9+/]{6}==$/.test(crc32c))
    throw new WharfError("invalid_request", {
      message: "crc32c must be the base64 of 4 big-endian bytes, such as yZRlqg==.",
      details: { field: "crc32c" },
    });
  return { sha256: expected, crc32c: crc32c ?? null };
}

/** In lower case. */
export function validSha256(sent: string, field: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(sent)) return sent.toLowerCase();
  throw new WharfError("invalid_request", { message: `${field} must be 64 hexadecimal digits.`, details: { field } });
}

/** Where a session's bytes go, and until when. */
export async function uploadTarget(arrivals: Pick<Arrivals, "urlFor">, session: Session) {
  const { url, expiresAt } = await arrivals.urlFor(session);
  return {
    session_id: session.id,
    upload_url: url,
    expires_at: toRfc3339(Math.min(session.expiresAt, expiresAt ?? Number.POSITIVE_INFINITY)),
  };
}

async function toWire({ arrivals, clock }: Pick<UploadRoutesDeps, "arrivals" | "clock">, session: Session) {
  const { bytes } = await arrivals.received(session);
  return {
    session_id: session.id,
    filename: session.filename,
    status: isExpired(session, clock.now()) ? ("expired" as const) : session.state,
    received_bytes: bytes,
    size_bytes: session.sizeBytes,
    expires_at: toRfc3339(session.expiresAt),
    file_id: session.fileId,
  };
}

/** Any JSON value; its limits are ALL-9's. */
const Json = Type.Unsafe<JsonValue>({});

const SessionParams = Type.Object({ session_id: Type.String() });

/** BAT-9. */
export const DryRun = Type.Optional(
  Type.Boolean({ description: "Judge the request and make nothing: 200, or the error that it would get." }),
);

const TriedSession = Type.Object({
  dry_run: Type.Literal(true),
  bucket_ids: Type.Array(Type.String(), { description: "Of those that exist." }),
  new_bucket_slugs: Type.Array(Type.String(), { description: "Of those that would be made." }),
  replays: Type.Boolean({ description: "The Idempotency-Key has made this session already." }),
});

const CreatedSession = Type.Object({
  session_id: Type.String(),
  upload_strategy: Type.Literal("gcs_resumable"),
  upload_url: Type.String({ description: "Absolute; PUT the bytes there. Whoever has it may write: keep it secret." }),
  expires_at: Type.String({ format: "date-time" }),
});

const SessionObject = Type.Object({
  session_id: Type.String(),
  filename: Type.Optional(
    Type.String({ description: "Not in what DELETE answers, which a key may send that reads nothing." }),
  ),
  status: Type.Enum([...SESSION_STATES]),
  received_bytes: Type.Integer({ description: "Bytes from the start that are durable." }),
  size_bytes: Type.Integer(),
  expires_at: Type.String({ format: "date-time" }),
  file_id: Type.Union([Type.String(), Type.Null()]),
});

const SessionList = Type.Object({
  sessions: Type.Array(SessionObject),
  next_cursor: Type.Union([Type.String(), Type.Null()], {
    description: "null at the end, and only there: a page before it may be short, or empty.",
  }),
});

function createBody({ bucketsPerTeam, maxFileBytes }: Pick<Config, "bucketsPerTeam" | "maxFileBytes">) {
  return Type.Object({
    filename: Type.String({ description: `1 to ${LIMITS.filenameChars} characters, no control characters.` }),
    content_type: Type.Optional(
      Type.String({ description: "Default application/octet-stream, which declares nothing." }),
    ),
    size_bytes: Type.Number({ description: `Integer, 1 to ${maxFileBytes}.` }),
    title: Type.Optional(Type.String({ description: `At most ${LIMITS.titleChars} characters; default: filename.` })),
    tags: Type.Optional(
      Type.Array(Type.String(), { description: `At most ${LIMITS.tags}, each at most ${LIMITS.tagChars} characters.` }),
    ),
    metadata: Type.Optional(
      Type.Record(Type.String(), Json, { description: `At most ${LIMITS.metadataBytes} bytes as JSON.` }),
    ),
    bucket_ids: Type.Optional(Type.Array(Type.String())),
    bucket_slugs: Type.Optional(Type.Array(Type.String())),
    bucket: Type.Optional(Type.String({ description: "One slug, or one id." })),
    create_missing_buckets: Type.Optional(
      Type.Boolean({
        description: `Create slugs that do not exist. A team may have ${bucketsPerTeam} buckets; one more is bucket_assignment_failed with details.limit.`,
      }),
    ),
  });
}
