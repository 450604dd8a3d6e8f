import { Readable } from "node:stream";
import { Type } from "typebox";
import { toRfc3339 } from "../clock.ts";
import { accepted, invalidRequest, WharfError } from "../errors.ts";
import type { Places } from "../fairness/places.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import { parseId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Log } from "../log.ts";
import { eventsOf, within } from "./events.ts";
import { AGENT_LIMITS } from "./limits.ts";
import { BASE_MODEL, isProfileId, modelOf } from "./model.ts";
import { listModels, type Model } from "./models.ts";
import { openAiModelRoutes } from "./openai-model-routes.ts";
import {
  createProfile,
  deleteProfile,
  findProfile,
  listProfiles,
  type Profile,
  updateProfile,
} from "./profiles.store.ts";
import { readQuestion } from "./question.ts";
import { type AgentDeps, type AnswerStep, answerTo, ask } from "./respond.ts";
import { deleteResponse, findResponse } from "./responses.store.ts";
import { FreeObject, ResponseObject, responseToWire } from "./wire.ts";

export interface AgentRoutesDeps extends AgentDeps {
  /** Answers that are being written. */
  readonly responses: Places;
  readonly publicUrl: () => string;
  readonly log: Log;
}

/** `/v1/responses` and `/v1/rag-agent`: questions in, answers with citations out (contract §16). */
export function agentRoutes(app: App, deps: AgentRoutesDeps): void {
  responseRoutes(app, deps);
  profileRoutes(app, deps);
  openAiModelRoutes(app, deps);
  app.get("/v1/rag-agent/models", {
    config: { scope: "search", detail: true },
    schema: {
      operationId: "listModels",
      summary: "The models that may be asked",
      tags: ["agents"],
      response: { 200: ModelList },
    },
    handler: async ({ caller }, reply) => ({
      object: "rag_agent_model_list" as const,
      team_id: caller.teamId,
      data: (await listModels(deps, caller, clientGone(reply))).map(modelToWire),
    }),
  });
}

/** Sent as text, or as a stream of events: nothing is serialized by these. */
const ANSWER_FORMS = {
  "application/json": {
    schema: Type.Object({
      ...ResponseObject.properties,
      request_id: Type.String({ description: "Id of this request." }),
    }),
  },
  // No type: it is of the whole stream, and readers of descriptions hold each event against it.
  "text/event-stream": { schema: { description: "With stream: true, OpenAI's events, then [DONE]." } },
};

const JSON_TYPE = "application/json; charset=utf-8";
const EVENTS_TYPE = "text/event-stream; charset=utf-8";

function responseRoutes(app: App, deps: AgentRoutesDeps): void {
  const context = () => ({ publicUrl: deps.publicUrl() });

  app.post("/v1/responses", {
    config: {
      scope: "search",
      detail: true,
      bodyBytes: AGENT_LIMITS.bodyBytes,
      errors: ["model_not_found", "metadata_too_large", "overloaded", "model_unavailable", "storage_full"],
    },
    schema: {
      operationId: "createResponse",
      summary: "Ask a question",
      description:
        "Answers from the team's documents, with citations. Words come from the chat server that the operator named, or are quoted. " +
        "With stream: true the answer is text/event-stream in OpenAI's order of events.",
      tags: ["agents"],
      body: ResponseBody,
      response: { 200: { description: "The answer.", content: ANSWER_FORMS } },
    },
    handler: async (request, reply) => {
      const { caller, id: requestId } = request;
      const question = readQuestion(request.body);
      const place = deps.responses.take(caller);
      const gone = clientGone(reply);
      try {
        const asked = await ask(deps, question, { by: caller, gone });
        const steps = answerTo(deps, asked, gone);
        if (!question.stream) {
          const body = { ...responseToWire(await answerOf(steps), context()), request_id: requestId };
          return reply.type(JSON_TYPE).send(JSON.stringify(body));
        }
        // A chat server that fails at once is told by the status; later there is none any more.
        const first = steps.next();
        await within(first, AGENT_LIMITS.streamBeginsMs);
        const failed = (error: unknown) => {
          if (!gone.aborted) deps.log.warn({ request_id: requestId, err: error }, "an answer broke off");
        };
        const events = eventsOf(asked, { first, steps }, { ...context(), requestId, failed });
        const body = Readable.from(events, { objectMode: false });
        body.once("close", () => place.free());
        return reply.type(EVENTS_TYPE).header("X-Accel-Buffering", "no").send(body);
      } finally {
        if (!question.stream || !reply.sent) place.free();
      }
    },
  });

  app.get("/v1/responses/:response_id", {
    config: { scope: "search", detail: true, errors: ["response_not_found"] },
    schema: {
      operationId: "getResponse",
      summary: "One response",
      tags: ["agents"],
      params: Type.Object({ response_id: Type.String() }),
      response: { 200: Type.Unsafe<string>(ResponseObject) },
    },
    handler: async ({ caller, params, id: requestId }, reply) => {
      const id = parseId("resp", params.response_id);
      const kept = id === null ? null : await deps.catalogue.run(findResponse, { teamId: caller.teamId, id });
      if (kept === null) throw new WharfError("response_not_found");
      const body = { ...responseToWire(kept.answer, context()), request_id: requestId };
      return reply.type(JSON_TYPE).send(JSON.stringify(body));
    },
  });

  app.delete("/v1/responses/:response_id", {
    config: { scope: "search", detail: true, errors: ["response_not_found"] },
    schema: {
      operationId: "deleteResponse",
      summary: "Forget a response",
      tags: ["agents"],
      params: Type.Object({ response_id: Type.String() }),
      response: {
        200: Type.Object({ id: Type.String(), object: Type.Literal("response"), deleted: Type.Literal(true) }),
      },
    },
    handler: async ({ caller, params }) => {
      const id = parseId("resp", params.response_id);
      if (id === null) throw new WharfError("response_not_found");
      accepted(await deps.catalogue.run(deleteResponse, { teamId: caller.teamId, id }));
      return { id, object: "response" as const, deleted: true as const };
    },
  });
}

async function answerOf(steps: AsyncGenerator<AnswerStep, void>) {
  for await (const step of steps) if (step.kind === "answer") return step.answer;
  throw new Error("an answer ended without an answer");
}

function profileRoutes(app: App, deps: AgentRoutesDeps): void {
  const { catalogue } = deps;
  const params = Type.Object({ profile_id: Type.String() });

  app.post("/v1/rag-agent/profiles", {
    config: { scope: "admin", detail: true, errors: ["bucket_assignment_failed", "conflict"] },
    schema: {
      operationId: "createProfile",
      summary: "Make a named agent",
      tags: ["agents"],
      body: Type.Object({
        profile_id: Type.String({
          description: "1 to 63 of a-z, 0-9 and -; the model is calypso-rag-agent:{profile_id}.",
        }),
        ...PROFILE_FIELDS,
      }),
      response: { 201: ProfileObject },
    },
    handler: async ({ caller, body }, reply) => {
      const { profile_id: profileId } = body;
      if (!isProfileId(profileId))
        throw invalidRequest(
          "profile_id",
          "profile_id has 1 to 63 of a-z, 0-9 and -, and begins with a letter or a digit.",
        );
      const wanted = { name: profileId, bucketIds: [], instructions: "", enabled: true, ...readChanges(body) };
      const made = accepted(await catalogue.run(createProfile, { teamId: caller.teamId, profileId, ...wanted }));
      return reply.code(201).send(profileToWire(made));
    },
  });

  app.get("/v1/rag-agent/profiles", {
    config: { scope: "admin", detail: true },
    schema: {
      operationId: "listProfiles",
      summary: "The team's named agents",
      tags: ["agents"],
      response: { 200: Type.Object({ data: Type.Array(ProfileObject) }) },
    },
    handler: async ({ caller }) => ({
      data: (await catalogue.run(listProfiles, { teamId: caller.teamId })).map(profileToWire),
    }),
  });

  app.get("/v1/rag-agent/profiles/:profile_id", {
    config: { scope: "admin", detail: true, errors: ["profile_not_found"] },
    schema: {
      operationId: "getProfile",
      summary: "One named agent",
      tags: ["agents"],
      params,
      response: { 200: ProfileObject },
    },
    handler: async ({ caller, params: { profile_id: profileId } }) => {
      const profile = await catalogue.run(findProfile, { teamId: caller.teamId, profileId });
      if (profile === null) throw new WharfError("profile_not_found");
      return profileToWire(profile);
    },
  });

  app.patch("/v1/rag-agent/profiles/:profile_id", {
    config: { scope: "admin", detail: true, errors: ["profile_not_found", "bucket_assignment_failed"] },
    schema: {
      operationId: "updateProfile",
      summary: "Change a named agent",
      description: "Replaces each field that is given.",
      tags: ["agents"],
      params,
      body: Type.Object(PROFILE_FIELDS),
      response: { 200: ProfileObject },
    },
    handler: async ({ caller, params: { profile_id: profileId }, body }) => {
      const changes = readChanges(body);
      return profileToWire(accepted(await catalogue.run(updateProfile, { teamId: caller.teamId, profileId, changes })));
    },
  });

  app.delete("/v1/rag-agent/profiles/:profile_id", {
    config: { scope: "admin", detail: true, errors: ["profile_not_found"] },
    schema: {
      operationId: "deleteProfile",
      summary: "Remove a named agent",
      description: "Its model answers 404 from now on; conversations stay.",
      tags: ["agents"],
      params,
      response: { 200: Type.Object({ profile_id: Type.String(), deleted: Type.Literal(true) }) },
    },
    handler: async ({ caller, params: { profile_id: profileId } }) => {
      accepted(await catalogue.run(deleteProfile, { teamId: caller.teamId, profileId }));
      return { profile_id: profileId, deleted: true as const };
    },
  });
}

/** Judges lengths and ids; whether the buckets are there, the transaction does. Throws `invalid_request`. */
function readChanges(body: {
  readonly name?: string | undefined;
  readonly bucket_ids?: readonly string[] | undefined;
  readonly instructions?: string | undefined;
  readonly enabled?: boolean | undefined;
}) {
  const { name, bucket_ids: sent, instructions, enabled } = body;
  if (name !== undefined && (name.trim() === "" || [...name].length > AGENT_LIMITS.profileNameChars))
    throw invalidRequest("name", `name has 1 to ${AGENT_LIMITS.profileNameChars} characters.`);
  if (instructions !== undefined && [...instructions].length > AGENT_LIMITS.profileInstructionsChars)
    throw invalidRequest(
      "instructions",
      `instructions have at most ${AGENT_LIMITS.profileInstructionsChars} characters.`,
    );
  return {
    ...(name === undefined ? {} : { name }),
    ...(sent === undefined ? {} : { bucketIds: readBucketIds(sent) }),
    ...(instructions === undefined ? {} : { instructions }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}

function readBucketIds(sent: readonly string[]): readonly string[] {
  const distinct = [...new Set(sent)];
  if (distinct.length > LIMITS.buckets)
    throw invalidRequest("bucket_ids", `A profile names at most ${LIMITS.buckets} buckets; none means all of them.`);
  return distinct;
}

function profileToWire(profile: Profile) {
  return {
    profile_id: profile.profileId,
    model: modelOf(profile.profileId),
    name: profile.name,
    bucket_ids: [...profile.bucketIds],
    instructions: profile.instructions,
    enabled: profile.enabled,
    created_at: toRfc3339(profile.createdAt),
    updated_at: toRfc3339(profile.updatedAt),
  };
}

function modelToWire({ profile, buckets, truncated, missing }: Model) {
  return {
    id: modelOf(profile?.profileId ?? null),
    base_model: BASE_MODEL,
    profile_id: profile?.profileId ?? null,
    source: profile === null ? ("default_policy" as const) : ("named_profile" as const),
    enabled: profile?.enabled ?? true,
    bucket_ids:
      profile === null || profile.bucketIds.length === 0 ? buckets.map(({ id }) => id) : [...profile.bucketIds],
    buckets: buckets.map(({ id, name, slug, status, pendingFiles, activeFiles, failedFiles }) => ({
      id,
      name,
      slug,
      status,
      member_count: pendingFiles + activeFiles + failedFiles,
    })),
    buckets_truncated: truncated,
    missing_bucket_ids: [...missing],
  };
}

const PROFILE_FIELDS = {
  name: Type.Optional(Type.String({ description: `At most ${AGENT_LIMITS.profileNameChars} characters.` })),
  bucket_ids: Type.Optional(
    Type.Array(Type.String(), {
      description: `At most ${LIMITS.buckets} buckets that it answers from; none = all active ones.`,
    }),
  ),
  instructions: Type.Optional(
    Type.String({ description: `For the chat server, at most ${AGENT_LIMITS.profileInstructionsChars} characters.` }),
  ),
  enabled: Type.Optional(Type.Boolean()),
};

const Strings = Type.Array(Type.String());

const ProfileObject = Type.Object({
  profile_id: Type.String(),
  model: Type.String(),
  name: Type.String(),
  bucket_ids: Strings,
  instructions: Type.String(),
  enabled: Type.Boolean(),
  created_at: Type.String({ format: "date-time" }),
  updated_at: Type.String({ format: "date-time" }),
});

const ModelList = Type.Object({
  object: Type.Literal("rag_agent_model_list"),
  team_id: Type.String(),
  data: Type.Array(
    Type.Object({
      id: Type.String(),
      base_model: Type.Literal(BASE_MODEL),
      profile_id: Type.Union([Type.String(), Type.Null()]),
      source: Type.Enum(["default_policy", "named_profile"]),
      enabled: Type.Boolean(),
      bucket_ids: Strings,
      buckets: Type.Array(
        Type.Object({
          id: Type.String(),
          name: Type.String(),
          slug: Type.String(),
          status: Type.Enum(["active", "archived"]),
          member_count: Type.Integer({ minimum: 0 }),
        }),
      ),
      buckets_truncated: Type.Boolean({
        description: `It has more: all models that answer from every bucket list ${AGENT_LIMITS.modelBuckets} between them.`,
      }),
      missing_bucket_ids: Strings,
    }),
  ),
});

const ResponseBody = Type.Object({
  model: Type.Optional(
    Type.String({ description: "As GET /v1/rag-agent/models lists them; default calypso-rag-agent." }),
  ),
  // Judged in question.ts, whose sentences say more than "must match a schema".
  input: Type.Unsafe<unknown>({
    description:
      'A text; or messages {role, content}; or parts {type: "input_text", text} and {type: "input_file", file_id}, which restrict the answer to those files.',
  }),
  stream: Type.Optional(Type.Boolean()),
  store: Type.Optional(
    Type.Boolean({ description: "Default true: kept for 30 days, for GET and for the conversation." }),
  ),
  metadata: Type.Optional(FreeObject("Comes back with the answer; may nest.")),
  conversation: Type.Optional(Type.Unsafe<unknown>({ description: "An id, or {id}." })),
  previous_response_id: Type.Optional(
    Type.String({ description: "The response before; one that is not known is none." }),
  ),
  instructions: Type.Optional(Type.String({ description: "For the chat server, after the profile's." })),
});
