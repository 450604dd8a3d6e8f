import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { DEFAULT_SCOPES, type Scope } from "../access/api-key.ts";
import { createApiKey } from "../access/keys.ts";
import { connectionRoutes } from "../access/routes.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { createClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import { openCatalogue } from "../engines/catalogue.ts";
import type { Places } from "../fairness/places.ts";
import { testBudgets } from "../fairness/test-budgets.ts";
import { createIdSource, type IdSource, type TeamId } from "../ids.ts";
import type { Log } from "../log.ts";
import { createApp } from "./app.ts";
import type { Readiness } from "./health.ts";
import type { App } from "./route.ts";

/** The edge over a real catalogue in a folder of its own, with a team and a key, for tests of routes. */
export interface TestApp {
  readonly app: App;
  readonly catalogue: Catalogue;
  readonly ids: IdSource;
  readonly teamId: TeamId;
  readonly key: string;
  /** What was logged at warn and above. */
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[];
  newKey(scopes: readonly Scope[], team?: string): Promise<{ readonly key: string; readonly teamId: TeamId }>;
  /** Calls with the team's key unless `headers` say otherwise. */
  get(url: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  post(url: string, payload: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

export interface TestAppOptions {
  readonly routes?: readonly ((app: App) => void)[];
  readonly scopes?: readonly Scope[];
  readonly readiness?: () => Promise<Readiness>;
  readonly answers?: Places;
  readonly bodies?: Places;
  /** As flags give them. */
  readonly settings?: Parameters<typeof readConfig>[0];
  /** Makes routes that need the catalogue. */
  readonly routesOver?: (catalogue: Catalogue, ids: IdSource) => readonly ((app: App) => void)[];
}

export async function openTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-http-"));
  const catalogue = await openCatalogue({
    path: join(folder, "catalogue.db"),
    fatal: (error) => {
      throw error;
    },
  });
  const ids = createIdSource(createClock());
  const logged: TestApp["logged"] = [];
  const record = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log: Log = { debug() {}, info() {}, warn: record("warn"), error: record("error"), fatal: record("fatal") };
  const newKey = async (scopes: readonly Scope[], team = "default") =>
    createApiKey({ catalogue, ids, random: randomBytes }, { team, name: "test", scopes });
  const { key, teamId } = await newKey(options.scopes ?? DEFAULT_SCOPES);
  const release = async (): Promise<void> => {
    await catalogue.close();
    await rm(folder, { recursive: true, force: true });
  };
  const app = await createApp({
    answers: options.answers ?? testBudgets().answers,
    bodies: options.bodies ?? testBudgets().bodies,
    catalogue,
    config: readConfig(options.settings ?? {}, {}),
    log,
    ids,
    routes: [connectionRoutes, ...(options.routes ?? []), ...(options.routesOver?.(catalogue, ids) ?? [])],
    readiness: options.readiness ?? (async () => ({ ready: true, checks: { catalogue: "ok" } })),
  }).catch(async (error: unknown) => {
    await release();
    throw error;
  });
  const authorization = `Bearer ${key}`;
  return {
    app,
    catalogue,
    ids,
    teamId,
    key,
    logged,
    newKey,
    get: (url, headers) => app.inject({ url, headers: { authorization, ...headers } }),
    post: (url, payload, headers) =>
      app.inject({
        method: "POST",
        url,
        payload: typeof payload === "string" ? payload : JSON.stringify(payload),
        headers: { authorization, "content-type": "application/json", ...headers },
      }),
    inject: (injected) => app.inject(injected),
    async close() {
      await app.close();
      await release();
    },
  };
}
