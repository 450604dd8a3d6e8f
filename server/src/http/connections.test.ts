import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { LIMITS } from "../limits.ts";
import { Client, startServer } from "./test-connections.ts";

describe("one request at a time", () => {
  test("a waiting request reaches no handler before the one before it is answered", async () => {
    const { port, held, until } = await startServer();
    const client = await Client.open(port);
    for (let i = 0; i < 1 + LIMITS.pipelinedRequests; i++) client.send(`/${i}`);
    for (let i = 0; i < 1 + LIMITS.pipelinedRequests; i++) {
      await until(() => held.length === i + 1);
      // Whatever was in the same chunk has been parsed by now.
      await new Promise(setImmediate);
      assert.equal(held.length, i + 1);
      held[i]?.response.end(`answer ${i}`);
    }
    await client.read(new RegExp(`answer ${LIMITS.pipelinedRequests}$`));
    assert.deepEqual(
      client.text.match(/answer \d/g),
      Array.from({ length: 1 + LIMITS.pipelinedRequests }, (_, i) => `answer ${i}`),
    );
  });

  test("a connection that brings more ends after its running answer, and nothing of the rest is parsed", async () => {
    const { port, held, ended, until } = await startServer();
    const client = await Client.open(port);
    const parsed = countParsed();
    client.socket.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000));
    await until(() => held.length === 1);
    await new Promise(setImmediate);
    held[0]?.response.end("the answer");
    await client.ended();
    assert.match(client.text, /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n[\s\S]*the answer$/);
    assert.equal(held.length, 1);
    assert.equal(ended["pipelined"], 1);
    assert.ok(parsed() <= 2 + LIMITS.pipelinedRequests, `${parsed()} requests were parsed`);
  });

  test("a long answer is sent to its end, though more was brought than may wait", async () => {
    const { port, held, until } = await startServer();
    const client = await Client.open(port);
    client.socket.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    await until(() => held.length === 1);
    const response = held[0]?.response;
    assert.ok(response);
    const piece = Buffer.alloc(256 * 1024, "x");
    for (let i = 0; i < 40; i++) if (!response.write(piece)) await once(response, "drain");
    response.end("the end");
    await client.ended();
    assert.match(client.text, /the end\r\n0\r\n\r\n$/);
    assert.ok(client.text.length > 40 * piece.length);
  });

  test("a connection that keeps sending behind that is ended at once", async () => {
    const { port, held, until } = await startServer();
    const client = await Client.open(port);
    const many = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000);
    for (let sent = 0; sent <= LIMITS.pipelineDropBytes + many.length; sent += many.length) client.socket.write(many);
    await until(() => held[0]?.gone === true);
    assert.equal(held.length, 1);
  });

  for (const [what, behind] of [
    ["alone", ""],
    ["behind which requests wait", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(LIMITS.pipelinedRequests)],
    ["behind which too many came", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100)],
    [
      "behind which a body waits that no buffer holds",
      `POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n${"x".repeat(300_000)}`,
    ],
  ] as const)
    test(`a client that leaves a request in hand is noticed: one ${what}`, async () => {
      const { port, held, until } = await startServer();
      const client = await Client.open(port);
      client.send("/held");
      client.socket.write(behind);
      await until(() => held.length === 1);
      client.socket.destroy();
      await until(() => held[0]?.gone === true);
      assert.equal(held.length, 1);
    });

  test("bodies that wait are bounded, and behind bytes a part of any size waits its turn", async () => {
    const { port, held, ended, until } = await startServer();
    const bounded = await Client.open(port);
    bounded.send("/held");
    await until(() => held.length === 1);
    const body = "x".repeat(LIMITS.pipelinedBytes / 2);
    for (let i = 0; i < LIMITS.pipelinedRequests; i++)
      bounded.socket.write(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    while (ended["pipelined"] === undefined) await new Promise(setImmediate);
    held[0]?.response.end("the answer");
    await bounded.ended();
    assert.equal(held.length, 1);
    assert.equal(ended["pipelined"], 1);

    const parts = await Client.open(port);
    const part = "x".repeat(300_000);
    for (let i = 0; i < 5; i++)
      parts.socket.write(`PUT /v1/uploads/a/b HTTP/1.1\r\nHost: a\r\nContent-Length: ${part.length}\r\n\r\n${part}`);
    await parts.read(/(bytes[\s\S]*){5}/);
    assert.equal(ended["pipelined"], 1);
  });
});

describe("a connection that is over", () => {
  test("is forgotten, however many have come since", async () => {
    const { server, port } = await startServer();
    const seen: WeakRef<object>[] = [];
    const see = (message: unknown) => {
      if (typeof message === "object" && message !== null && "socket" in message && message.socket instanceof Socket)
        seen.push(new WeakRef(message.socket));
    };
    diagnostics.subscribe("net.server.socket", see);
    try {
      for (let round = 0; round < 10; round++) {
        const clients = await Promise.all(Array.from({ length: 20 }, () => Client.open(port)));
        for (const client of clients) client.send("/healthz");
        for (const client of clients) await client.read(/ok$/);
        for (const { socket } of clients) socket.destroy();
        while (server.connections > 0) await new Promise(setImmediate);
      }
    } finally {
      diagnostics.unsubscribe("net.server.socket", see);
    }
    assert.equal(seen.length, 200);
    const alive = () => seen.filter((socket) => socket.deref() !== undefined).length;
    setFlagsFromString("--expose-gc");
    for (let collections = 0; collections < 20 && alive() > 0; collections++) {
      await new Promise(setImmediate);
      runInNewContext("gc()");
    }
    // The last one of all may still be on some stack.
    assert.ok(alive() <= 1, `${alive()} of ${seen.length} are still in memory`);
  });
});

describe("an answer that nobody reads", () => {
  const BYTES = Buffer.alloc(16 * 1024 * 1024, "x");

  test("is cut, and its handler told; one that is read slowly and steadily is not", async () => {
    const { port, held, ended, until } = await startServer({ unreadAnswerMs: 3000 });
    const [unread, slow] = [await Client.open(port), await Client.open(port)];
    unread.socket.pause();
    slow.socket.pause();
    for (const client of [unread, slow]) client.send("/held");
    await until(() => held.length === 2);
    for (const { response } of held) response.write(BYTES);
    // 100 kB/s for 12 s: a third of a socket's buffer on loopback, which is what Node sees go, takes 8 s.
    for (let pieces = 0; pieces < 120; pieces++) {
      slow.socket.read(10_000);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(held.filter(({ gone }) => gone).length, 1);
    assert.equal(ended["unread"], 1);
    assert.equal(slow.socket.closed, false);
  });
});

/** Counts objects that Node makes of a request, by the events of its own channel. */
function countParsed(): () => number {
  const channel = diagnostics.channel("http.server.request.start");
  let count = 0;
  const seen = () => void count++;
  channel.subscribe(seen);
  return () => {
    channel.unsubscribe(seen);
    return count;
  };
}
