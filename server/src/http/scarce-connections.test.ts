import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { LIMITS } from "../limits.ts";
import { Client, startServer } from "./test-connections.ts";

describe("when connections run out", () => {
  test("the one that has been idle longest goes, then an incomplete head, never a request that is being answered", async () => {
    const { port, held, ended, until } = await startServer({ maxConnections: 4 });
    const running = await Client.open(port);
    running.send("/held");
    await until(() => held.length === 1);
    const head = await Client.open(port);
    head.socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX-");
    const used = await Client.open(port);
    used.send("/healthz");
    await used.read(/ok$/);
    const fresh = await Client.open(port);
    fresh.send("/healthz");
    await fresh.read(/ok$/);
    const settled = performance.now() + LIMITS.newConnectionMs;
    while (performance.now() <= settled) await wait(50);

    for (const [i, victim] of [used, fresh, head].entries()) {
      assert.equal(victim.socket.readableEnded, false);
      const next = await Client.open(port);
      await victim.ended();
      next.send("/held");
      await until(() => held.length === i + 2);
    }
    assert.deepEqual({ ...ended }, { idle: 2, incomplete: 1 });
    held[0]?.response.end("the answer");
    await running.read(/the answer$/);
  });

  test("of those that have just come the one goes that has been quiet longest, be it half a head", async () => {
    const { port, ended } = await startServer({ maxConnections: 1 });
    const head = await Client.open(port);
    head.socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\nX-");
    const newcomers: Client[] = [];
    for (let i = 0; i <= LIMITS.reservedConnections; i++) newcomers.push(await Client.open(port));
    await head.ended();
    assert.deepEqual({ ...ended }, { incomplete: 1 });
    const one = await Client.open(port);
    await newcomers[0]?.ended();
    assert.deepEqual({ ...ended }, { incomplete: 1, reserve: 1 });
    for (const client of [...newcomers.slice(1), one]) {
      client.send("/healthz");
      await client.read(/ok$/);
    }
  });

  test("one that has a request changes places with one that has said nothing", async () => {
    const { port, held, ended, until } = await startServer({ maxConnections: 1 });
    const silent = await Client.open(port);
    const next = await Client.open(port);
    next.send("/held");
    await until(() => held.length === 1);
    silent.send("/readyz");
    await silent.read(/Connection: close[\s\S]*ok$/);
    held[0]?.response.end("the answer");
    await next.read(/the answer$/);
    assert.deepEqual({ ...ended }, {});
  });

  test("a request that came in the same moment as the connection that needs its place is answered", async () => {
    const { port, held, ended, until } = await startServer({ maxConnections: 1 });
    const kept = await Client.open(port);
    kept.send("/healthz");
    await kept.read(/ok$/);
    const next = Client.open(port);
    // Behind the system's call to connect, and before this loop looks at either: as after a long turn of a busy server.
    await new Promise(setImmediate);
    kept.send("/held");
    await until(() => held.length === 1);
    (await next).send("/readyz");
    await (await next).read(/Connection: close[\s\S]*ok$/);
    held[0]?.response.end("the answer");
    await kept.read(/the answer$/);
    assert.deepEqual({ ...ended }, {});
  });

  test("/healthz, /readyz and /metrics are answered when everything is taken; everything else is 503 overloaded", async () => {
    let scarce = 0;
    const { port, held, ended, until } = await startServer({ maxConnections: 2, scarce: () => void scarce++ });
    for (let i = 0; i < 2; i++) (await Client.open(port)).send("/held");
    await until(() => held.length === 2);
    assert.equal(scarce, 0);
    for (const path of ["/healthz", "/healthz?x", "/readyz", "/metrics"]) {
      const client = await Client.open(port);
      client.send(path);
      await client.ended();
      assert.match(client.text, /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n[\s\S]*ok$/, path);
    }
    for (const path of ["/v1/connection", "/healthzz", "/"]) {
      const client = await Client.open(port);
      client.send(path);
      await client.ended();
      assert.match(client.text, /^HTTP\/1\.1 503 [\s\S]*retry-after: 2\r\n[\s\S]*"code":"overloaded"/i, path);
    }
    assert.equal(ended["overloaded"], 3);
    assert.equal(scarce, 7, "what is held without need is asked to end for each of them");
  });

  test("one that was refused and goes on sending makes room before one that has just come", async () => {
    const { port, held, ended, until } = await startServer({ maxConnections: 2 });
    for (let i = 0; i < 2; i++) {
      const refused = await Client.open(port);
      refused.socket.write("POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx");
      await until(() => held.length === i + 1);
      const response = held[i]?.response;
      response?.writeHead(401).write("no");
      await refused.read(/no/);
    }
    const first = await Client.open(port);
    const second = await Client.open(port);
    await until(() => held.every(({ gone }) => gone));
    assert.deepEqual({ ...ended }, { refused: 2 });
    for (const client of [first, second]) {
      client.send("/healthz");
      await client.read(/keep-alive[\s\S]*ok$/i);
    }
  });

  test("nobody takes the reserve by sitting in it", async () => {
    const { port, held, ended, until } = await startServer({ maxConnections: 1 });
    (await Client.open(port)).send("/held");
    await until(() => held.length === 1);
    for (let i = 0; i < 2 * LIMITS.reservedConnections; i++)
      (await Client.open(port)).socket.write("GET /healthz HTTP/1.1\r\nX-");
    const supervisor = await Client.open(port);
    supervisor.send("/healthz");
    await supervisor.read(/ok$/);
    assert.equal(ended["reserve"], LIMITS.reservedConnections + 1);
  });

  test("a place that has become free since is given to one in the reserve; uploads have a tenth more", async () => {
    const { server, port, held, until } = await startServer({ maxConnections: 1 });
    const first = await Client.open(port);
    first.send("/held");
    await until(() => held.length === 1);
    const upload = await Client.open(port);
    upload.send("/v1/uploads/a/b");
    await upload.read(/keep-alive[\s\S]*bytes$/i);
    upload.socket.destroy();
    while (server.connections > 1) await new Promise(setImmediate);
    const waiting = await Client.open(port);
    held[0]?.response.end("the answer");
    await first.read(/the answer$/);
    waiting.send("/healthz");
    await waiting.read(/keep-alive[\s\S]*ok$/i);
    // And back: each has it for a request.
    first.send("/healthz");
    await first.read(/the answer[\s\S]*keep-alive[\s\S]*ok$/i);
    assert.equal(server.connections, 2);
  });
});

describe("one peer", () => {
  test("has as many connections as it may have; the next one takes the place of an idle one of its own, or is refused", async () => {
    const { port, held, ended, until } = await startServer({
      unlimitedPeers: new BlockList(),
      maxConnectionsPerPeer: 2,
    });
    const [running, idle] = [await Client.open(port, "127.0.0.2"), await Client.open(port, "127.0.0.2")];
    running.send("/held");
    await until(() => held.length === 1);
    const other = await Client.open(port, "127.0.0.3");
    const next = await Client.open(port, "127.0.0.2");
    await idle.ended();
    next.send("/held");
    await until(() => held.length === 2);
    const refused = await Client.open(port, "127.0.0.2");
    await refused.ended();
    assert.equal(refused.text, "");
    other.send("/healthz");
    await other.read(/ok$/);
    assert.deepEqual({ ...ended }, { idle: 1, peer: 1 });
  });
});
