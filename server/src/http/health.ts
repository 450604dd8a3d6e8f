import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { WharfError } from "../errors.ts";
import { hasScope } from "./auth.ts";
import type { App } from "./route.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Why not, when it is not. */
  readonly refusal?: "storage_unavailable" | "storage_full" | "shutting_down" | undefined;
  /** What was looked at, by name, in words: `{ catalogue: "ok", sandbox: "no user namespaces" }`. */
  readonly checks: Readonly<Record<string, string>>;
  /**
   * The same in more words, for keys of scope `admin`: they tell what this machine lacks. Each name is one of `checks`.
   */
  readonly inFull?: Readonly<Record<string, string>>;
}

/**
 * For supervisors and load balancers: is the process alive, and may it get traffic? Neither needs a key nor names a
 * team. They write their answers themselves: they are asked first, before anything else is loaded.
 */
export function healthRoutes(app: App, catalogue: Catalogue, readiness: () => Promise<Readiness>): void {
  app.get("/healthz", {
    config: { scope: "public", writesItself: true },
    schema: {
      operationId: "getHealth",
      summary: "Whether the process answers",
      tags: ["operation"],
      response: { 200: Type.Object({ status: Type.Literal("ok") }) },
    },
    handler: async (_request, reply) => {
      writesItself(reply);
      return { status: "ok" as const };
    },
  });
  app.get("/readyz", {
    config: {
      scope: "public",
      errors: ["storage_unavailable", "storage_full", "shutting_down"],
      writesItself: true,
    },
    schema: {
      operationId: "getReadiness",
      summary: "Whether the server can do its work, and what it lacks",
      description: "A key of scope admin, which is not needed, reads in full what this machine lacks.",
      tags: ["operation"],
      response: {
        200: Type.Object({ status: Type.Literal("ready"), checks: Type.Record(Type.String(), Type.String()) }),
      },
    },
    handler: async (request, reply) => {
      const { ready, refusal, checks: inShort, inFull } = await readiness();
      const checks = (await hasScope(catalogue, request, "admin")) ? { ...inShort, ...inFull } : inShort;
      if (!ready) throw new WharfError(refusal ?? "storage_unavailable", { details: { checks } });
      writesItself(reply);
      return { status: "ready" as const, checks };
    },
  });
}

/** Fastify names no type for what its handler serializes. */
function writesItself(reply: FastifyReply): void {
  reply.type("application/json; charset=utf-8").serializer(JSON.stringify);
}
