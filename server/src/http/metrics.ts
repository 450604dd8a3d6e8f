import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { WharfError } from "../errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { App } from "./route.ts";

export interface MetricsRouteDeps {
  /** loopback: whoever asks from elsewhere, or through a proxy that says so, finds no such address. */
  readonly audience: "loopback" | "public";
  readonly expose: () => Promise<string>;
}

const TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Figures for Prometheus. They name no team and no file. */
export function metricsRoute(app: App, { audience, expose }: MetricsRouteDeps): void {
  app.get("/metrics", {
    config: { scope: "public", errors: ["not_found"] },
    schema: {
      operationId: "getMetrics",
      summary: "Figures in Prometheus's text format",
      description: "Answered to this machine alone, unless WHARF_METRICS is public.",
      tags: ["operation"],
      response: { 200: { content: { "text/plain": { schema: Type.String() } } } },
    },
    handler: async (request, reply) => {
      if (audience === "loopback" && !isLocal(request)) throw new WharfError("not_found");
      return reply.type(TYPE).send(await expose());
    },
  });
}

/**
 * A proxy on this machine is a loopback peer too: what it passes on came from elsewhere. Those that do not say so must
 * be told (docs/operations.md).
 */
function isLocal({ raw }: FastifyRequest): boolean {
  const { headers } = raw;
  if (["forwarded", "x-forwarded-for", "x-real-ip", "via"].some((name) => headers[name] !== undefined)) return false;
  const peer = raw.socket.remoteAddress ?? "";
  return peer === "::1" || peer.replace(/^::ffff:/, "").startsWith("127.");
}

/** Counts what Fastify answers, by the route's pattern: never by the URL, which holds ids and may be anything. */
export function addRequestMetrics(app: App, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.is404 ? "none" : (request.routeOptions.url ?? "none");
    observe(metrics, request.method, route, reply.statusCode, reply.elapsedTime);
  });
}

/** The same for the byte end-point, which is no route of Fastify's. */
export function countByteRequest(metrics: Metrics, request: IncomingMessage, response: ServerResponse): void {
  const began = performance.now();
  response.once("close", () => {
    const method = request.method === "PUT" || request.method === "DELETE" ? request.method : "other";
    observe(metrics, method, "/v1/uploads/:session_id/:signature", response.statusCode, performance.now() - began);
  });
}

function observe(metrics: Metrics, method: string, route: string, status: number, ms: number): void {
  const labels = { method: KNOWN.has(method) ? method : "other", route, status: `${Math.floor(status / 100)}xx` };
  metrics.observe("wharf_http_request_seconds", ms / 1000, labels);
}

const KNOWN: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
