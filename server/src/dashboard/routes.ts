import { type Static, Type } from "typebox";
import { SCOPES } from "../access/api-key.ts";
import {
  type DashboardDeps,
  endDashboardSessions,
  findDashboardCaller,
  signIn,
  teamName,
} from "../access/dashboard.ts";
import { csrfTokenOf } from "../access/dashboard-secret.ts";
import type { Caller } from "../access/store.ts";
import { toRfc3339 } from "../clock.ts";
import type { Config } from "../config.ts";
import { WharfError } from "../errors.ts";
import { clientGone } from "../http/client-gone.ts";
import type { Readiness } from "../http/health.ts";
import type { App } from "../http/route.ts";
import { sessionSecretOf, setCookie } from "../http/session-cookie.ts";
import type { DashboardSessionId } from "../ids.ts";
import type { Health } from "./health.ts";

export interface DashboardRoutesDeps extends DashboardDeps {
  readonly config: Pick<Config, "maxFileBytes" | "createsPerSecond">;
  readonly publicUrl: () => string;
  readonly readiness: () => Promise<Readiness>;
  readonly health: Health;
}

/**
 * What the dashboard's page asks beside the API: signing in and out, who it is, and how the server does. They are the
 * page's own and may change with it, so `/openapi.json` does not describe them (they have no tags).
 */
export function dashboardRoutes(app: App, deps: DashboardRoutesDeps): void {
  const { catalogue, publicUrl, config } = deps;
  const who = async (caller: Caller, more: Pick<Who, "csrf" | "expires_at">): Promise<Who> => ({
    team: await teamName(catalogue, caller.teamId),
    scopes: [...caller.scopes],
    max_file_bytes: config.maxFileBytes,
    creates_per_second: config.createsPerSecond,
    ...more,
  });

  app.post("/dashboard/session", {
    config: { scope: "public" },
    schema: { body: Type.Object({ link: Type.String() }), response: { 200: WhoObject } },
    handler: async ({ body, raw }, reply) => {
      const secret = await signIn(deps, body.link);
      // The cookie that this one replaces: nobody has its session any more.
      const old = sessionSecretOf(raw, publicUrl());
      const before = old === null ? null : await findDashboardCaller(catalogue, old);
      if (before !== null) await endSession(deps, before.sessionId);
      const signedIn = await findDashboardCaller(catalogue, secret);
      if (signedIn === null) throw new WharfError("invalid_api_key");
      reply.header("Set-Cookie", setCookie(publicUrl(), secret));
      return who(signedIn.caller, sessionFacts(secret, signedIn.expiresAt));
    },
  });

  app.get("/dashboard/session", {
    config: { scope: "any" },
    schema: { response: { 200: WhoObject } },
    handler: async ({ caller, signedIn, raw }) => {
      const secret = signedIn === null ? null : sessionSecretOf(raw, publicUrl());
      const facts = signedIn === null || secret === null ? NO_SESSION : sessionFacts(secret, signedIn.expiresAt);
      return who(caller, facts);
    },
  });

  app.delete("/dashboard/session", {
    config: { scope: "any" },
    schema: { response: { 200: Type.Object({ ended: Type.Integer() }) } },
    handler: async ({ signedIn }, reply) => {
      if (signedIn === null) return { ended: 0 };
      reply.header("Set-Cookie", setCookie(publicUrl(), null));
      return { ended: await endSession(deps, signedIn.sessionId) };
    },
  });

  app.get("/dashboard/health", {
    config: { scope: "any" },
    schema: { response: { 200: HealthObject } },
    handler: async ({ caller }, reply) => {
      const administers = caller.scopes.includes("admin");
      const { readiness, health } = deps;
      const [{ ready, checks, inFull }, queue, disk] = await Promise.all([
        readiness(),
        health.queueOf(caller, clientGone(reply)),
        health.disk(),
      ]);
      return {
        ready,
        checks: administers ? { ...checks, ...inFull } : checks,
        queue: {
          ...{ queued: queue.queued, running: queue.running, removing: queue.removing },
          counted_to: queue.countedTo,
        },
        disk: {
          answers: disk !== null,
          used_percent: disk?.usedPercent ?? null,
          ...(administers && disk !== null
            ? { free_bytes: disk.freeBytes, total_bytes: disk.totalBytes, reserve_bytes: disk.reserveBytes }
            : {}),
        },
        uptime_seconds: Math.round(process.uptime()),
      };
    },
  });
}

function endSession({ catalogue }: DashboardRoutesDeps, id: DashboardSessionId): Promise<number> {
  return endDashboardSessions(catalogue, { id });
}

const NO_SESSION = { csrf: null, expires_at: null };

function sessionFacts(secret: string, expiresAt: number) {
  return { csrf: csrfTokenOf(secret), expires_at: toRfc3339(expiresAt) };
}

const NullableText = Type.Union([Type.String(), Type.Null()]);
const NullableNumber = Type.Union([Type.Number(), Type.Null()]);

const WhoObject = Type.Object({
  team: Type.String(),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  max_file_bytes: Type.Integer(),
  creates_per_second: Type.Integer(),
  csrf: NullableText,
  expires_at: NullableText,
});
type Who = Static<typeof WhoObject>;

const HealthObject = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Record(Type.String(), Type.String()),
  queue: Type.Object({
    queued: Type.Integer(),
    running: Type.Integer(),
    removing: Type.Integer(),
    counted_to: Type.Integer(),
  }),
  disk: Type.Object({
    answers: Type.Boolean(),
    used_percent: NullableNumber,
    free_bytes: Type.Optional(NullableNumber),
    total_bytes: Type.Optional(NullableNumber),
    reserve_bytes: Type.Optional(Type.Integer()),
  }),
  uptime_seconds: Type.Integer(),
});
