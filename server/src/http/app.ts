import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import Fastify from "fastify";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Config } from "../config.ts";
import { toError } from "../errors.ts";
import type { Places } from "../fairness/places.ts";
import type { IdSource } from "../ids.ts";
import type { Log } from "../log.ts";
import { type Metrics, NO_METRICS } from "../metrics/metrics.ts";
import { addAnswerMemory } from "./answer-memory.ts";
import { addGuard, guardRequest } from "./auth.ts";
import { Compilers, NO_COMPILERS } from "./compilers.ts";
import { addCors } from "./cors.ts";
import { addEnvelope, answerError } from "./envelope.ts";
import { addConditionalAnswers } from "./etag.ts";
import { healthRoutes, type Readiness } from "./health.ts";
import { addJsonBodies } from "./json-body.ts";
import { addLingering } from "./linger.ts";
import { addRequestMetrics } from "./metrics.ts";
import { addOpenApi } from "./openapi.ts";
import { referenceRoutes } from "./reference.ts";
import { type App, addRoutePolicy, refuseOtherMethods } from "./route.ts";
import { addValidation } from "./validation.ts";

export interface AppDeps {
  readonly catalogue: Catalogue;
  readonly config: Pick<
    Config,
    "apiOrigins" | "bucketsPerTeam" | "createsPerSecond" | "docs" | "maxFileBytes" | "publicUrl" | "sessionTtlSeconds"
  >;
  readonly log: Log;
  readonly ids: IdSource;
  /** Each adds the routes of one capability. */
  readonly routes: readonly ((app: App) => void)[];
  /** How the server is reached from outside; known once it listens. Default: on loopback. */
  readonly publicUrl?: () => string;
  /** Places for large answers. */
  readonly answers: Places;
  /** Places for large bodies. */
  readonly bodies: Places;
  /** Default: of its own. */
  readonly compilers?: Compilers;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
  /** Asked by `/readyz`. */
  readonly readiness: () => Promise<Readiness>;
}

/**
 * The HTTP edge, a thin Fastify shell: what every call shares (contract §1, §12) is here, once. How a capability adds
 * routes stands in route.ts. The application is ready to be called through `app.routing` (server.ts) or `app.inject`
 * (tests); it listens nowhere.
 */
export async function createApp(deps: AppDeps): Promise<App> {
  const {
    catalogue,
    compilers = new Compilers(),
    publicUrl = () => deps.config.publicUrl ?? "http://127.0.0.1",
  } = deps;
  const app: App = Fastify({
    genReqId: () => deps.ids.next("req"),
    requestIdHeader: false,
    // Shutdown is server.ts's: an answer that Fastify makes up has not our shape.
    return503OnClosing: false,
    // A path that cannot be decoded meets no route and no hook; it is refused in the same order all the same.
    frameworkErrors: async (error, request, reply) => {
      const refusal = await guardRequest({ catalogue, publicUrl }, request).then(() => error, toError);
      reply.header("Connection", "close");
      answerError(deps.log, request, reply, refusal);
    },
    // Over-long ids are absent ids (ALL-6), which routes say themselves; the request line is bounded by Node's 16 KiB.
    routerOptions: { maxParamLength: 16_384 },
    schemaController: NO_COMPILERS,
  }).withTypeProvider<TypeBoxTypeProvider>();

  compilers.addTo(app);
  addRoutePolicy(app);
  addEnvelope(app, deps.log);
  addRequestMetrics(app, deps.metrics ?? NO_METRICS);
  addCors(app, deps.config.apiOrigins);
  addGuard(app, { catalogue, publicUrl });
  addJsonBodies(app, deps.bodies);
  addValidation(app);
  addConditionalAnswers(app);
  addAnswerMemory(app, deps.answers);
  addLingering(app);
  if (deps.config.docs) {
    addOpenApi(app, deps.config);
    referenceRoutes(app);
  }
  healthRoutes(app, deps.catalogue, deps.readiness);
  for (const addRoutes of deps.routes) addRoutes(app);
  refuseOtherMethods(app);
  await app.ready();
  return app;
}
