import { Type } from "typebox";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { App } from "../http/route.ts";
import { modelOf } from "./model.ts";
import { listProfiles } from "./profiles.store.ts";

/**
 * `GET /v1/models`, OpenAI's list (contract §17): programs that take a base URL and a key ask for it to see whether
 * both are right, and to offer a choice. Profiles that are disabled are no models here: whoever chose one would be
 * answered 404.
 */
export function openAiModelRoutes(app: App, { catalogue }: { readonly catalogue: Catalogue }): void {
  app.get("/v1/models", {
    config: { scope: "search", detail: true },
    schema: {
      operationId: "listOpenAiModels",
      summary: "The models that may be asked, in OpenAI's shape",
      tags: ["agents"],
      response: { 200: OpenAiModels },
    },
    handler: async ({ caller: { teamId } }) => {
      const profiles = (await catalogue.run(listProfiles, { teamId })).filter(({ enabled }) => enabled);
      return {
        object: "list" as const,
        data: [
          modelToWire(null, 0),
          ...profiles.map(({ profileId, createdAt }) => modelToWire(profileId, Math.floor(createdAt / 1000))),
        ],
      };
    },
  });
}

function modelToWire(profileId: string | null, created: number) {
  return { id: modelOf(profileId), object: "model" as const, created, owned_by: "wharf" as const };
}

const OpenAiModels = Type.Object({
  object: Type.Literal("list"),
  data: Type.Array(
    Type.Object({
      id: Type.String({ description: "calypso-rag-agent, or calypso-rag-agent:{profile_id}." }),
      object: Type.Literal("model"),
      created: Type.Integer({ description: "Unix seconds; 0 of the model that every team has." }),
      owned_by: Type.Literal("wharf"),
    }),
  ),
});
