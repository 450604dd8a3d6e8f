import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createConnection } from "node:net";
import { after, before, test } from "node:test";
import type { FastifyReply } from "fastify";
import { clientGone } from "./client-gone.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

/** A handler that the test lets go on, after whatever the client has done meanwhile. */
const handling = new EventEmitter<{ began: [FastifyReply]; goOn: [] }>();
let t: TestApp;

before(async () => {
  const route: Parameters<typeof openTestApp>[0] = {
    routes: [
      (app) =>
        app.get("/v1/thing", { config: { scope: "any" } }, async (_request, reply) => {
          handling.emit("began", reply);
          await once(handling, "goOn");
          return {};
        }),
    ],
  };
  t = await openTestApp(route);
  await t.app.listen({ host: "127.0.0.1", port: 0 });
});
after(() => t.close());

async function begin() {
  const address = t.app.server.address();
  assert.ok(address !== null && typeof address === "object");
  const client = createConnection(address.port, "127.0.0.1");
  client.on("error", () => {});
  const began = once(handling, "began");
  client.write(`GET /v1/thing HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${t.key}\r\n\r\n`);
  const [reply] = await began;
  return { client, reply };
}

test("a client that leaves is noticed, also by a handler that only looks after it has left", async () => {
  const { client, reply } = await begin();
  const early = clientGone(reply);
  assert.equal(early.aborted, false);
  const closed = once(reply.raw, "close");
  client.destroy();
  await closed;
  assert.equal(early.aborted, true);
  assert.equal(clientGone(reply).aborted, true);
  handling.emit("goOn");
});

test("a client that got its answer has not left", async () => {
  const { client, reply } = await begin();
  const gone = clientGone(reply);
  const closed = once(reply.raw, "close");
  handling.emit("goOn");
  await closed;
  assert.equal(gone.aborted, false);
  client.destroy();
});
