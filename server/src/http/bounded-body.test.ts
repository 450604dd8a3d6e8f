import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { WharfError } from "../errors.ts";
import { dropBody, readBounded } from "./bounded-body.ts";

/** Sends the head and `body`, keeps the connection open, and returns what `handle` made of it. */
async function withRequest<T>(
  body: string,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<T>,
): Promise<T> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n${body}`);
  try {
    const [request, response] = await once(server, "request");
    return await handle(request, response);
  } finally {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  }
}

test("a body that stalls is refused when its time is over, and the answer can still be sent (ALL-9)", async () => {
  await withRequest("only this", async (request, response) => {
    await assert.rejects(
      readBounded(request, { maxBytes: 1000, timeoutMs: 30 }),
      (error) =>
        error instanceof WharfError && error.code === "invalid_request" && error.headers["Connection"] === "close",
    );
    assert.equal(request.destroyed, false);
    assert.equal(response.writable, true);
  });
});

test("dropping ends with the body, or with the limits of size and time", async () => {
  const cases: readonly (readonly [string, number, boolean])[] = [
    ["a".repeat(100), 1000, true],
    ["a".repeat(100), 50, false],
    ["stalled", 1000, false],
  ];
  for (const [body, maxBytes, whole] of cases) {
    const timeoutMs = whole ? 10_000 : 50;
    assert.equal(await withRequest(body, (request) => dropBody(request, { maxBytes, timeoutMs })), whole, body);
  }
});

test("a body whose connection is gone already is refused at once, not when its time is over", async () => {
  await withRequest("only this", async (request) => {
    request.destroy();
    await once(request, "close");
    const began = performance.now();
    await assert.rejects(
      readBounded(request, { maxBytes: 1000, timeoutMs: 60_000 }),
      (error) => error instanceof WharfError && error.code === "invalid_request",
    );
    assert.equal(await dropBody(request, { maxBytes: 1000, timeoutMs: 60_000 }), false);
    assert.ok(performance.now() - began < 50_000);
  });
});
