import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { WharfError } from "../errors.ts";
import type { Places } from "../fairness/places.ts";
import { clientGone } from "../http/client-gone.ts";
import type { App } from "../http/route.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { MCP_LIMITS } from "./limits.ts";
import type { Exchange } from "./own-fetch.ts";

export interface McpRoutesDeps {
  /** With this server's own routes. */
  readonly exchange: Exchange;
  /** POSTs that are being answered. */
  readonly calls: Places;
  readonly publicUrl: () => string;
  readonly metrics: Metrics;
  readonly log: Log;
}

/**
 * `/mcp`: the Model Context Protocol over streamable HTTP (docs/mcp.md). POST alone: without sessions there is
 * nothing to GET or DELETE, and the protocol wants 405 for them. Not in `/openapi.json`, since the protocol describes
 * itself.
 */
export function mcpRoutes(app: App, deps: McpRoutesDeps): void {
  app.post("/mcp", {
    config: { scope: "any", bodyBytes: MCP_LIMITS.bodyBytes },
    schema: { body: Type.Unknown() },
    onRequest: async ({ headers }) => refuseOtherOrigins(headers.origin, deps.publicUrl()),
    handler: async (request, reply) => {
      const place = deps.calls.take(request.caller);
      // One that has left already closes no more.
      if (reply.raw.destroyed) place.free();
      else reply.raw.once("close", () => place.free());
      const gone = clientGone(reply);
      // Late: its 40 modules are not what a start waits for.
      const { answerPost } = await import("./serve-http.ts");
      const answer = await answerPost({
        exchange: deps.exchange,
        apiKey: (request.headers.authorization ?? "").replace(/^Bearer +/i, ""),
        ended: (tool, outcome) => deps.metrics.count("wharf_mcp_calls_total", { tool, outcome }),
        failed: (error) => deps.log.error({ request_id: request.id, err: error }, "a tool call failed"),
        body: request.body,
        headers: headersOf(request),
        gone,
      });
      for (const name of ["content-type", "x-accel-buffering"]) {
        const value = answer.headers.get(name);
        if (value !== null) reply.header(name, value);
      }
      reply.code(answer.status);
      return reply.send(answer.body === null ? "" : Readable.fromWeb(answer.body));
    },
  });
}

/**
 * "Servers MUST validate the Origin header": a page elsewhere may not speak to this server through its reader's
 * browser, also when a name of that page's has been made to mean this machine. Only pages of our own address may;
 * programs send no Origin.
 */
function refuseOtherOrigins(origin: string | undefined, publicUrl: string): void {
  if (origin !== undefined && origin !== new URL(publicUrl).origin) throw new WharfError("forbidden_origin");
}

/** What the protocol reads. The key stays here. */
function headersOf({ headers }: FastifyRequest): Readonly<Record<string, string>> {
  const wanted = Object.entries(headers).filter(([name]) => PROTOCOL_HEADERS.has(name) || name.startsWith("mcp-"));
  return Object.fromEntries(wanted.map(([name, value]) => [name, String(value)]));
}

const PROTOCOL_HEADERS: ReadonlySet<string> = new Set(["accept", "content-type"]);
