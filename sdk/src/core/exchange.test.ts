import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { exchange } from "./exchange.ts";

async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
}

const stop = new AbortController();

test("a server that says nothing, or nothing more, counts as lost after idleMs", async (t) => {
  const silent = await serve(t, () => {});
  const begins = await serve(t, (_, response) => void response.writeHead(200).write("a"));
  for (const url of [silent, begins]) {
    const request = { method: "GET", url, headers: {}, signal: stop.signal, idleMs: 100 };
    await assert.rejects(exchange(fetch, request), { name: "ConnectionError", message: "no answer for 0 s" });
  }
});

test("a refusal that comes before the bytes are sent is read (PUT-17)", async (t) => {
  const url = await serve(t, (_, response) => {
    response.writeHead(410, { Connection: "close" }).end("The session has expired.");
  });
  const body = new Uint8Array(8 * 1024 * 1024);
  const answer = await exchange(fetch, { method: "PUT", url, headers: {}, body, signal: stop.signal, idleMs: 60_000 });
  assert.equal(answer.status, 410);
  assert.equal(answer.text, "The session has expired.");
});

test("a signal ends an exchange that waits, with its own reason", async (t) => {
  const ended = new AbortController();
  const url = await serve(t, () => ended.abort(new Error("enough")));
  const request = { method: "GET", url, headers: {}, signal: ended.signal, idleMs: 60_000 };
  await assert.rejects(exchange(fetch, request), /^Error: enough$/);
  await assert.rejects(exchange(fetch, request), /^Error: enough$/);
});
