import assert from "node:assert/strict";
import { test } from "node:test";
import { httpSend } from "../node/http-send.ts";
import { serve } from "../test-server.ts";
import { exchange } from "./exchange.ts";
import { fetchSend } from "./fetch-send.ts";

const { signal } = new AbortController();
const WAYS = { fetch: fetchSend(fetch), "Node's http": httpSend() };

for (const [way, send] of Object.entries(WAYS)) {
  test(`${way}: a server that says nothing, or nothing more, counts as lost after idleMs`, async (t) => {
    const silent = await serve(t, () => {});
    const begins = await serve(t, (_, response) => void response.writeHead(200).write("a"));
    for (const url of [silent, begins]) {
      const request = { method: "GET", url, headers: {}, signal, idleMs: 100 };
      await assert.rejects(exchange(send, request), { name: "ConnectionError", message: "no answer for 0 s" });
    }
  });

  test(`${way}: a refusal that comes before the bytes are sent is read (PUT-17)`, async (t) => {
    const url = await serve(t, (_, response) => {
      response.writeHead(410, { Connection: "close" }).end("The session has expired.");
    });
    const body = new Uint8Array(8 * 1024 * 1024);
    const answer = await exchange(send, { method: "PUT", url, headers: {}, body, signal, idleMs: 60_000 });
    assert.equal(answer.status, 410);
    assert.equal(answer.text, "The session has expired.");
  });

  test(`${way}: a body has its length, none has none, and text arrives as UTF-8`, async (t) => {
    const heads: unknown[] = [];
    const url = await serve(t, async (request, response) => {
      heads.push([request.headers["content-length"], request.headers["transfer-encoding"]]);
      for await (const chunk of request) response.write(chunk);
      response.end();
    });
    for (const body of [undefined, new Uint8Array(3), "ü"]) {
      const answer = await exchange(send, { method: "PUT", url, headers: {}, body, signal, idleMs: 60_000 });
      assert.equal(answer.text, typeof body === "string" ? body : "\0".repeat(body?.length ?? 0));
    }
    assert.deepEqual(heads, [
      ["0", undefined],
      ["3", undefined],
      ["2", undefined],
    ]);
  });

  test(`${way}: a connection is used again`, async (t) => {
    const sockets = new Set<unknown>();
    const url = await serve(t, (request, response) => {
      sockets.add(request.socket);
      request.resume().on("end", () => response.end("{}"));
    });
    const request = { method: "POST", url, headers: {}, body: "{}", signal, idleMs: 60_000 };
    for (let count = 0; count < 10; count++) await exchange(send, request);
    // fetch says that an answer is over a moment before its connection is free.
    assert.ok(sockets.size <= 2, `${sockets.size} connections`);
  });

  test(`${way}: a signal ends an exchange that waits, with its own reason`, async (t) => {
    const ended = new AbortController();
    const url = await serve(t, () => ended.abort(new Error("enough")));
    const request = { method: "GET", url, headers: {}, signal: ended.signal, idleMs: 60_000 };
    await assert.rejects(exchange(send, request), /^Error: enough$/);
    await assert.rejects(exchange(send, request), /^Error: enough$/);
  });

  test(`${way}: an answer that is cut is no answer, and one that nobody reads on is dropped`, async (t) => {
    const cut = await serve(t, (_, response) => {
      response.writeHead(200, { "Content-Length": 100 }).write("{");
      setImmediate(() => response.destroy());
    });
    const request = { method: "GET", url: cut, headers: {}, signal, idleMs: 60_000 };
    await assert.rejects(exchange(send, request), { name: "ConnectionError" });
    const closed = Promise.withResolvers<void>();
    const endless = await serve(t, (_, response) => {
      response.on("close", closed.resolve).write("a");
    });
    const opened = await send({ ...request, url: endless });
    for await (const chunk of opened.chunks()) if (chunk.length > 0) break;
    await closed.promise;
  });

  test(`${way}: an answer that is left ends nobody else's connection`, async (t) => {
    const closed = Promise.withResolvers<void>();
    const url = await serve(t, (request, response) => {
      if (request.url === "/") response.end("whole");
      else response.on("close", closed.resolve).write("a");
    });
    const request = { method: "GET", headers: {}, signal, idleMs: 60_000 };
    for (let count = 0; count < 3; count++) {
      await exchange(send, { ...request, url });
      const left = await send({ ...request, url: `${url}endless` });
      for await (const chunk of left.chunks()) if (chunk.length > 0) break;
      await closed.promise;
      assert.equal((await exchange(send, { ...request, url })).text, "whole");
    }
  });
}
