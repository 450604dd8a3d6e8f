import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { BlockList, connect, Socket } from "node:net";
import { afterEach, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClock } from "../clock.ts";
import { createIdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { HttpServer, type HttpServerDeps } from "./server.ts";

const opened: Socket[] = [];
const servers: HttpServer[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** A server whose handlers do what the test says: `held` are the requests that a handler has in hand, oldest first. */
async function start(options: Partial<HttpServerDeps> = {}) {
  const held: { readonly url: string; readonly response: ServerResponse; gone: boolean }[] = [];
  const ended: Record<string, number> = {};
  const metrics: Metrics = {
    count: (_name, labels) => {
      const reason = String(labels?.["reason"]);
      ended[reason] = (ended[reason] ?? 0) + 1;
    },
    observe() {},
  };
  let called: () => void = () => {};
  const server = new HttpServer({
    app: (request, response) => {
      const one = { url: request.url ?? "", response, gone: false };
      response.once("close", () => {
        one.gone = !response.writableFinished;
        called();
      });
      if (/^\/(healthz|readyz|metrics)(\?|$)/.test(one.url)) response.end("ok");
      else held.push(one);
      called();
    },
    byteEndpoint: (request, response) => {
      request.resume();
      request.once("end", () => response.end("bytes"));
    },
    ids: createIdSource(createClock()),
    unlimitedPeers: loopback(),
    metrics,
    ...options,
  });
  servers.push(server);
  const { port } = await server.listen("127.0.0.1", 0);
  /** Looks again whenever a handler is called or an answer is over. */
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise<void>((resolve) => (called = resolve));
  };
  return { server, port, held, ended, until };
}

function loopback(): BlockList {
  const list = new BlockList();
  list.addSubnet("127.0.0.0", 8);
  return list;
}

class Client {
  readonly socket: Socket;
  text = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    opened.push(socket);
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (piece) => (this.text += piece));
  }

  static async open(port: number, localAddress = "127.0.0.1"): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    const client = new Client(socket);
    await once(socket, "connect");
    return client;
  }

  send(path: string, more = ""): void {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`);
  }

  async read(what: RegExp): Promise<void> {
    while (!what.test(this.text)) await once(this.socket, "data");
  }

  /** Until the server has closed its half. */
  async ended(): Promise<void> {
    if (this.socket.readableEnded || this.socket.destroyed) return;
    await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
  }
}

describe("one request at a time", () => {
  test("a waiting request reaches no handler before the one before it is answered", async () => {
    const { port, held, until } = await start();
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
    const { port, held, ended, until } = await start();
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
    const { port, held, until } = await start();
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
    const { port, held, until } = await start();
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
      const { port, held, until } = await start();
      const client = await Client.open(port);
      client.send("/held");
      client.socket.write(behind);
      await until(() => held.length === 1);
      client.socket.destroy();
      await until(() => held[0]?.gone === true);
      assert.equal(held.length, 1);
    });

  test("bodies that wait are bounded, and behind bytes a part of any size waits its turn", async () => {
    const { port, held, ended, until } = await start();
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
    const { server, port } = await start();
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

describe("when connections run out", () => {
  test("the one that has been idle longest goes, then an incomplete head, never a request that is being answered", async () => {
    const { port, held, ended, until } = await start({ maxConnections: 4 });
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
    const { port, ended } = await start({ maxConnections: 1 });
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
    const { port, held, ended, until } = await start({ maxConnections: 1 });
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
    const { port, held, ended, until } = await start({ maxConnections: 1 });
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
    const { port, held, ended, until } = await start({ maxConnections: 2, scarce: () => void scarce++ });
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
    const { port, held, ended, until } = await start({ maxConnections: 2 });
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
    const { port, held, ended, until } = await start({ maxConnections: 1 });
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
    const { server, port, held, until } = await start({ maxConnections: 1 });
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
    const { port, held, ended, until } = await start({ unlimitedPeers: new BlockList(), maxConnectionsPerPeer: 2 });
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

describe("an answer that nobody reads", () => {
  const BYTES = Buffer.alloc(16 * 1024 * 1024, "x");

  test("is cut, and its handler told; one that is read slowly and steadily is not", async () => {
    const { port, held, ended, until } = await start({ unreadAnswerMs: 3000 });
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
