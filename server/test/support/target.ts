import { randomUUID } from "node:crypto";
import { after } from "node:test";
import type { Api } from "./api.ts";
import { readTestConfig } from "./config.ts";
import { JudgedApi } from "./judged-api.ts";
import { TestServer } from "./server.ts";

/**
 * What a test file judges: a server that it started, or the one that WHARF_TEST_URL names. Each answer must be as it
 * is described.
 */
export interface Target {
  /** Base without `/v1`. */
  readonly url: string;
  readonly api: Api;
  /**
   * The same server as another team sees it; null when the file did not ask for two teams, or no second key was given.
   */
  readonly otherTeam: Api | null;
  /** The server that we started, for tests that end it or mint keys; null for one that was given. */
  readonly server: TestServer | null;
}

export const CONFIG = readTestConfig();

/** Why a test that needs a server of its own cannot run; false = it can. */
export const NEEDS_OWN_SERVER: string | false =
  CONFIG.url === null ? false : "needs a server with settings of its own; WHARF_TEST_URL names one";

/**
 * Starts a server, or takes the one of WHARF_TEST_URL, and closes it when the file's tests are done. `twoTeams`: the
 * file looks at the server as another team too.
 */
export async function openTarget({ twoTeams = false }: { readonly twoTeams?: boolean } = {}): Promise<Target> {
  if (CONFIG.url !== null) return givenTarget(CONFIG.url);
  const server = await ownServer();
  const otherKey = twoTeams ? await server.mintKey(`other-${randomUUID().slice(0, 8)}`) : null;
  const otherTeam = otherKey === null ? null : new JudgedApi(server.url, otherKey);
  return { url: server.url, api: new JudgedApi(server.url, server.key), otherTeam, server };
}

/** A server with settings of its own, closed when the file's tests are done. */
export async function ownServer(
  settings: Readonly<Record<string, string>> = {},
  { openFiles = null }: { readonly openFiles?: number | null } = {},
): Promise<TestServer> {
  const server = await TestServer.start(settings, undefined, openFiles);
  after(() => server.close());
  return server;
}

function givenTarget(url: string): Target {
  if (CONFIG.apiKey === null) throw new Error("WHARF_TEST_URL needs WHARF_TEST_API_KEY beside it");
  const otherTeam = CONFIG.secondApiKey === null ? null : new JudgedApi(url, CONFIG.secondApiKey);
  return { url, api: new JudgedApi(url, CONFIG.apiKey), otherTeam, server: null };
}
