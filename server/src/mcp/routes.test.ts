import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { Places } from "../fairness/places.ts";
import { HttpServer } from "../http/server.ts";
import { openTestApp } from "../http/test-app.ts";
import { NO_METRICS } from "../metrics/metrics.ts";
import type { ExchangeCall } from "./own-fetch.ts";
import { mcpRoutes } from "./routes.ts";

const CALL = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "search", arguments: { query: "anything" } },
});

test("an agent that leaves takes its call with it, and its place is free", async (t) => {
  const calls = new Places({ name: "agent_calls", total: 2 });
  const begun = Promise.withResolvers<ExchangeCall>();
  const left = Promise.withResolvers<void>();
  const exchange = (call: ExchangeCall) =>
    new Promise<never>((_, reject) => {
      call.signal.addEventListener("abort", () => {
        left.resolve();
        reject(call.signal.reason);
      });
      begun.resolve(call);
    });
  const app = await openTestApp({
    routes: [
      (routes) =>
        mcpRoutes(routes, {
          exchange,
          calls,
          publicUrl: () => "http://127.0.0.1:8686",
          metrics: NO_METRICS,
          log: { debug() {}, info() {}, warn() {}, error() {}, fatal() {} },
        }),
    ],
  });
  const server = new HttpServer({
    app: (request, response) => app.app.routing(request, response),
    byteEndpoint: (_request, response) => void response.end(),
    ids: app.ids,
  });
  t.after(async () => {
    await server.close(0);
    await app.close();
  });
  const { port } = await server.listen("127.0.0.1", 0);
  const agent = connect(port, "127.0.0.1");
  agent.write(
    `POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${app.key}\r\nContent-Type: application/json\r\n` +
      `Accept: application/json, text/event-stream\r\nContent-Length: ${CALL.length}\r\n\r\n${CALL}`,
  );
  const { path, headers } = await begun.promise;
  assert.equal(path, "/v1/knowledge/search");
  assert.equal(headers["authorization"], `Bearer ${app.key}`, "with the caller's key");
  assert.equal(calls.taken, 1);

  const second = await app.post("/mcp", CALL);
  assert.equal(second.statusCode, 503, "beyond its share a team is told to come again");

  agent.destroy();
  await once(agent, "close");
  await left.promise;
  while (calls.taken > 0) await new Promise(setImmediate);
});
