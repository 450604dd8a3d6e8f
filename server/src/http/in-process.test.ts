import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { InProcess } from "./in-process.ts";

const NEVER = new AbortController().signal;
const events = new EventEmitter();

function app(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/v1/held") {
    response.once("close", () => events.emit("left", response.writableFinished));
    events.emit("held");
  } else if (request.url === "/v1/endless") {
    const write = () => {
      while (response.write("x".repeat(1024))) events.emit("wrote");
    };
    response.on("drain", write).once("close", () => events.emit("left", response.writableFinished));
    write();
  } else if (request.url === "/v1/gone") request.socket.destroySoon();
  else if (request.url === "/v1/cut") request.socket.destroy();
  else
    void text(request).then((body) =>
      response.writeHead(201, { "X-Length": body.length }).end(`${request.method} ${request.headers["x-said"]}`),
    );
}

const own = new InProcess({ app, byteEndpoint: (_request, response) => void response.end("bytes") });
const call = (path: string, signal = NEVER, body: Uint8Array | null = null) =>
  own.exchange({ method: "POST", path, headers: { "X-Said": "this" }, body, signal });

test("a call has its method, headers and body, and its answer status, headers and body", async () => {
  const answer = await call("/v1/echo", NEVER, Buffer.alloc(700_000, "a"));
  assert.equal(answer.status, 201);
  assert.equal(answer.headers["x-length"], "700000");
  assert.equal(await text(answer.body), "POST this");
  assert.equal(await text((await call("/v1/uploads/sess_1/x")).body), "bytes");
});

test("who stops waiting has left, for the handler too", async () => {
  const leaving = new AbortController();
  const held = once(events, "held");
  const answer = assert.rejects(call("/v1/held", leaving.signal), { name: "AbortError" });
  await held;
  const left = once(events, "left");
  leaving.abort();
  await answer;
  assert.deepEqual(await left, [false]);
});

test("an answer is made no faster than it is read, and who leaves off reading has left", async () => {
  let wrote = 0;
  const count = () => void wrote++;
  events.on("wrote", count);
  const { body } = await call("/v1/endless");
  await once(body, "readable");
  assert.ok(wrote < 1000, `${wrote} KiB were written for a reader of none`);
  const left = once(events, "left");
  body.destroy();
  assert.deepEqual(await left, [false]);
  events.off("wrote", count);
});

test("a handler that ends the connection ends the call", async () => {
  for (const path of ["/v1/gone", "/v1/cut"]) await assert.rejects(call(path), { code: "ECONNRESET" });
});
