import { Type } from "typebox";
import type { App } from "../http/route.ts";
import { SCOPES } from "./api-key.ts";

/** `GET /v1/connection`: whose key this is. Clients call it to check their configuration. */
export function connectionRoutes(app: App): void {
  app.get("/v1/connection", {
    config: { scope: "any" },
    schema: {
      operationId: "getConnection",
      summary: "Which team and key you are connected as",
      tags: ["connection"],
      response: {
        200: Type.Object({
          ok: Type.Literal(true),
          team_id: Type.String(),
          key: Type.Object({
            id: Type.String(),
            name: Type.String(),
            scopes: Type.Array(Type.Enum([...SCOPES])),
          }),
        }),
      },
    },
    handler: async ({ caller }) => ({
      ok: true as const,
      team_id: caller.teamId,
      key: { id: caller.keyId, name: caller.keyName, scopes: [...caller.scopes] },
    }),
  });
}
