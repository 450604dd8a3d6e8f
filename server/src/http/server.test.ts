import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import type { App } from "./route.ts";
import { HttpServer } from "./server.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

let t: TestApp;
let server: HttpServer;
let port: number;
/** Says "held" with the way to let the answer go, when a request reached /v1/held. */
const handler = new EventEmitter();

function routes(app: App): void {
  app.post("/v1/echo", {
    config: { scope: "files:write" },
    schema: { body: Type.Object({ name: Type.String() }), response: { 200: Type.Object({ name: Type.String() }) } },
    handler: async (request) => ({ name: request.body.name }),
  });
  app.post("/v1/finalize", {
    config: { scope: "files:write", emptyBody: true },
    schema: {
      body: Type.Object({ sha256: Type.Optional(Type.String()) }),
      response: { 201: Type.Object({ fields: Type.Integer() }) },
    },
    handler: async (request, reply) => reply.code(201).send({ fields: Object.keys(request.body).length }),
  });
  app.get("/v1/stream", {
    config: { scope: "any" },
    handler: async () =>
      new Readable({ read: () => handler.emit("asked") }).once("close", () => handler.emit("stream closed")),
  });
  app.get("/v1/held", {
    config: { scope: "any" },
    schema: { response: { 200: Type.Object({ done: Type.Boolean() }) } },
    handler: async () => {
      await new Promise<void>((resolve) => handler.emit("held", resolve));
      return { done: true };
    },
  });
}

before(async () => {
  t = await openTestApp({ routes: [routes] });
  ({ server, port } = await start());
});
after(async () => {
  await server.close(0);
  await t.close();
});

async function start(maxConnections?: number) {
  let finish = () => {};
  const made = new HttpServer({
    app: (request, response) => t.app.routing(request, response),
    byteEndpoint: (request, response, expectsContinue) => {
      if (request.url === "/v1/uploads/long") {
        response.write("the beginning");
        finish = () => response.end("the end");
        return;
      }
      response.end(`bytes ${request.method} ${request.url} ${expectsContinue}`);
    },
    ids: t.ids,
    ...(maxConnections === undefined ? {} : { maxConnections, maxConnectionsPerPeer: 100 }),
  });
  const address = await made.listen("127.0.0.1", 0);
  return { server: made, port: address.port, finish: () => finish() };
}

/** Sends raw bytes and reads until the server closes, or until `enough` holds. */
async function raw(text: string | Buffer, options: { enough?: RegExp; port?: number } = {}): Promise<string> {
  const socket = await open(options.port);
  socket.write(text);
  return readUntil(socket, options.enough);
}

async function open(at = port): Promise<Socket> {
  const socket = connect(at, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

async function readUntil(socket: Socket, enough?: RegExp): Promise<string> {
  let text = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    text += chunk;
    if (enough?.test(text)) break;
  }
  return text;
}

const auth = () => `Authorization: Bearer ${t.key}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const head = (line: string, more = "") => `${line} HTTP/1.1\r\nHost: a\r\n${more}`;

describe("raw HTTP", () => {
  test("what two servers in a row may read differently is 400 in our shape, never 500", async () => {
    const cases: readonly (readonly [string, string])[] = [
      ["two Hosts", `GET /v1/connection HTTP/1.1\r\nHost: a\r\nHost: b\r\n${auth()}Connection: close\r\n\r\n`],
      ["two equal Hosts", `GET /v1/connection HTTP/1.1\r\nHost: a\r\nHost: a\r\n${auth()}Connection: close\r\n\r\n`],
      ["no Host", `GET /v1/connection HTTP/1.1\r\n${auth()}Connection: close\r\n\r\n`],
      ["absolute form", head("GET http://evil.example/v1/connection", `${auth()}Connection: close\r\n\r\n`)],
      ["asterisk form", head("OPTIONS *", "Connection: close\r\n\r\n")],
      ["malformed encoding", head("GET /v1/%E0%A4%A", `${auth()}Connection: close\r\n\r\n`)],
      ["Content-Length and chunked", head("POST /v1/echo", `${auth()}Content-Length: 2\r\n${CHUNKED}\r\n{}`)],
      ["a malformed chunk", head("POST /v1/echo", `${auth()}${CHUNKED}\r\n2\r\n{}\r\nxyz\r\n`)],
      ["two lengths", head("POST /v1/echo", `${auth()}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`)],
      ["a length with a sign", head("POST /v1/echo", `${auth()}Content-Length: +2\r\n\r\n{}`)],
      ["chunked over HTTP/1.0", `POST /v1/echo HTTP/1.0\r\nHost: a\r\n${auth()}${CHUNKED}\r\n0\r\n\r\n`],
      ["a space before the colon", head("GET /healthz", "X : y\r\n\r\n")],
      ["a folded header", head("GET /healthz", "X: y\r\n z\r\n\r\n")],
      ["NUL", head("GET /healthz", "X: a\0b\r\n\r\n")],
      ["an unknown method", head("BREW /healthz", "\r\n")],
      ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
      ["no HTTP", "hello\r\n\r\n"],
      ["a head of 20 kB", head("GET /healthz", `X: ${"a".repeat(20_000)}\r\n\r\n`)],
    ];
    for (const [name, text] of cases) {
      const answer = await raw(text);
      assert.match(answer, /^HTTP\/1\.1 400 /, `${name}: ${answer}`);
      assert.match(answer, /\r\nX-Request-Id: req_[a-z0-9]{26}\r\n/i, name);
      const body = JSON.parse(
        answer.slice(answer.indexOf("\r\n\r\n") + 4).replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, ""),
      );
      assert.equal(body.error.code, "invalid_request", name);
    }
  });

  test("X-Forwarded-* and Host change nothing", async () => {
    const answer = await raw(
      head(
        "GET /v1/connection",
        `${auth()}X-Forwarded-Host: evil\r\nX-Forwarded-Proto: gopher\r\nConnection: close\r\n\r\n`,
      ),
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(answer, /evil|gopher/);
  });

  test("a client that leaves before the first byte of a stream is nobody's fault: the stream closes, nothing is logged", async () => {
    t.logged.length = 0;
    const socket = await open();
    const [asked, closed] = [once(handler, "asked"), once(handler, "stream closed")];
    // More than may wait: the parser has let go of the connection, and nobody tells the request that it was cut.
    socket.write(head("GET /v1/stream", `${auth()}\r\n`).repeat(LIMITS.pipelinedRequests + 4));
    await asked;
    socket.resetAndDestroy();
    await closed;
    // What came of it is known when the next answer is there.
    await raw(head("GET /healthz", "Connection: close\r\n\r\n"));
    assert.deepEqual(t.logged, []);
  });

  test("two Authorization headers are as good as none (ALL-2)", async () => {
    const answer = await raw(head("GET /v1/connection", `${auth()}${auth()}Connection: close\r\n\r\n`));
    assert.match(answer, /^HTTP\/1\.1 401 /);
  });

  test("pipelined requests get their answers in order", async () => {
    const answer = await raw(
      head("GET /healthz", "\r\n") +
        head("GET /v1/connection", "\r\n") +
        head("GET /readyz", "Connection: close\r\n\r\n"),
    );
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 401", "HTTP/1.1 200"]);
  });

  test("an expectation other than 100-continue is passed over: the answer is the request's own (ALL-4)", async () => {
    const answer = await raw(head("GET /v1/connection", `${auth()}Expect: 100-contin\r\nConnection: close\r\n\r\n`));
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /\r\nX-Request-Id: req_/i);
    const upload = await raw(
      head("PUT /v1/uploads/a/b", "Expect: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    );
    assert.ok(upload.includes("bytes PUT /v1/uploads/a/b false"), upload);
  });

  test("uploads go to the byte end-point, whatever the method", async () => {
    for (const line of ["PUT /v1/uploads/sess_1/sig", "OPTIONS /v1/uploads/x", "GET /v1/uploads/"]) {
      const answer = await raw(head(line, "Connection: close\r\n\r\n"));
      assert.ok(answer.includes(`bytes ${line} false`), answer);
    }
    const waiting = await raw(
      head("PUT /v1/uploads/a/b", "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"),
    );
    assert.ok(waiting.includes("bytes PUT /v1/uploads/a/b true"), waiting);
    assert.doesNotMatch(waiting, /100 Continue/);
  });
});

describe("bodies on the wire (ALL-9)", () => {
  const post = (more: string) => head("POST /v1/echo", `${auth()}Content-Type: application/json\r\n${more}`);

  test("a body without Content-Type, or of another, is 415; charset=utf-8 is fine", async () => {
    const cases: readonly (readonly [string, number])[] = [
      ["", 415],
      ["Content-Type: \r\n", 415],
      ["Content-Type: ;;;\r\n", 415],
      ["Content-Type: text/plain\r\n", 415],
      ["Content-Type: application/jsonx\r\n", 415],
      ["Content-Type: application/json; charset=latin1\r\n", 415],
      ["Content-Type: application/x-www-form-urlencoded\r\n", 415],
      ["Content-Type: Application/JSON; charset=UTF-8\r\n", 200],
      ["Content-Type: application/json ; charset=utf-8\r\n", 200],
      ['Content-Type: application/json;charset="utf-8"\r\n', 200],
    ];
    for (const [type, status] of cases) {
      const answer = await raw(
        head("POST /v1/echo", `${auth()}${type}Content-Length: 12\r\nConnection: close\r\n\r\n{"name":"a"}`),
      );
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${type}: ${answer}`);
    }
  });

  test("where a route says so, a body may be missing, empty or null; what is there is still judged", async () => {
    const json = "Content-Type: application/json\r\n";
    const form = "Content-Type: application/x-www-form-urlencoded\r\n";
    const cases: readonly (readonly [string, number])[] = [
      ["Content-Length: 0\r\n", 201],
      ["", 201],
      [`${json}Content-Length: 0\r\n`, 201],
      [`${form}Content-Length: 0\r\n`, 201],
      ["Transfer-Encoding: chunked\r\n\r\n0\r\n", 201],
      [`${json}Content-Length: 2\r\n\r\n{}`, 201],
      [`${json}Content-Length: 4\r\n\r\nnull`, 201],
      ["Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", 415],
      [`${form}Content-Length: 2\r\n\r\n{}`, 415],
      [`${json}Content-Length: 2\r\n\r\n[]`, 400],
      [`${json}Content-Length: 12\r\n\r\n{"sha256":5}`, 400],
    ];
    for (const [more, status] of cases) {
      const answer = await raw(head("POST /v1/finalize", `${auth()}Connection: close\r\n${more}\r\n`));
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), `${more}: ${answer}`);
    }
  });

  test("more than 64 KiB is 413, told at once by length and in mid-body when chunked; exactly 64 KiB is read", async () => {
    const exact = `{"name":"${"a".repeat(LIMITS.jsonBodyBytes - 11)}"}`;
    assert.equal(exact.length, LIMITS.jsonBodyBytes);
    const fits = await raw(`${post(`Content-Length: ${exact.length}\r\nConnection: close\r\n\r\n`)}${exact}`);
    assert.match(fits, /^HTTP\/1\.1 200 /);

    const declared = await raw(post(`Content-Length: ${LIMITS.jsonBodyBytes + 1}\r\n\r\n`), { enough: /"request_id"/ });
    assert.match(declared, /^HTTP\/1\.1 413 /);
    assert.match(declared, /"max_bytes":65536/);

    const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
    const chunked = await raw(post(`Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}`), { enough: /"request_id"/ });
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    assert.match(chunked, /request_too_large/);
  });

  test("a refusal reaches a client that is still sending, and the connection ends after it", async () => {
    // More than the kernel holds on the way. A refusal waits 5 s, in which a busy machine does not bring four
    // times as much.
    const size = 2 * 1024 * 1024;
    const socket = await open();
    socket.write(head("POST /v1/echo", `Content-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`));
    const body = Buffer.alloc(64 * 1024, "a");
    for (let sent = 0; sent < size; sent += body.length) {
      if (!socket.write(body)) await once(socket, "drain");
    }
    const answer = await readUntil(socket);
    assert.match(answer, /^HTTP\/1\.1 401 /);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    assert.match(answer, /invalid_api_key/);
  });

  test("after a refused small body the connection serves the next request", async () => {
    const refused = head("POST /v1/echo", 'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"a"}');
    const answer = await raw(refused + head("GET /healthz", "Connection: close\r\n\r\n"));
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 401", "HTTP/1.1 200"]);
  });

  test("100 Continue is said only when the body is wanted", async () => {
    const socket = await open();
    socket.write(post("Expect: 100-continue\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"));
    const [first] = await once(socket.setEncoding("latin1"), "data");
    assert.match(first, /^HTTP\/1\.1 100 Continue/);
    socket.write('{"name":"a"}');
    assert.match(await readUntil(socket), /200 OK[\s\S]*"name":"a"/);

    const refused = await raw(head("POST /v1/echo", "Expect: 100-continue\r\nContent-Length: 12\r\n\r\n"));
    assert.match(refused, /^HTTP\/1\.1 401 [\s\S]*connection: close/i);
  });

  test("a body that is cut off is no request", async () => {
    const socket = await open();
    socket.write(post('Content-Length: 100\r\n\r\n{"na'));
    socket.end();
    const answer = await readUntil(socket);
    assert.doesNotMatch(answer, / 500 | 200 /);
  });
});

describe("limits and shutdown of the server", () => {
  test("connections past the limit get 503 overloaded with Retry-After when all others have a request in hand", async () => {
    const small = await start(2);
    const held = [await hold(small.port), await hold(small.port)];
    try {
      const answer = await raw(head("GET /v1/connection", "\r\n"), { port: small.port });
      assert.match(answer, /^HTTP\/1\.1 503 /);
      assert.match(answer, /\r\nretry-after: 2\r\n/i);
      assert.match(answer, /\r\nconnection: close\r\n/i);
      assert.match(answer, /"code":"overloaded"/);
      assert.match(await raw(head("GET /healthz", "\r\n"), { port: small.port }), /^HTTP\/1\.1 200 /);
    } finally {
      for (const { release } of held) release();
      await small.server.close(0);
    }
  });

  test("shutdown lets a running answer end, says Connection: close, and cuts what exceeds the grace period", async () => {
    const closing = await start();
    const idle = await open(closing.port);
    const quick = await hold(closing.port);
    const slow = await hold(closing.port);
    const closed = closing.server.close(300);
    await once(idle.resume(), "close");
    quick.release();
    const answer = await readUntil(quick.socket);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /\r\nconnection: close\r\n/i);
    await closed;
    assert.equal(await readUntil(slow.socket).catch(() => ""), "");
    slow.release();
    await assert.rejects(once(connect(closing.port, "127.0.0.1"), "connect"));
  });

  test("a request that nobody has read yet when the shutdown begins is answered, also on a connection that waits to be accepted", async () => {
    const closing = await start();
    const kept = await Promise.all(Array.from({ length: 20 }, () => open(closing.port)));
    for (const socket of kept) {
      socket.write(head("GET /healthz", "\r\n"));
      await once(socket, "data");
    }
    // The server accepts one in each turn of the loop: when all are connected here, most still wait there.
    const fresh = await Promise.all(Array.from({ length: 20 }, () => open(closing.port)));
    const sockets = [...kept, ...fresh];
    for (const socket of sockets) socket.write(head("GET /v1/connection", `${auth()}\r\n`));
    const closed = closing.server.close(5000);
    for (const answer of await Promise.all(sockets.map((socket) => readUntil(socket))))
      assert.match(answer, /HTTP\/1\.1 200 OK[\s\S]*connection: close/i);
    await closed;
  });

  test("a kept connection ends in order, and a request that crosses with its end is neither reset nor carried out", async () => {
    const closing = await start();
    // It may still write when the server has ended its half.
    const kept = connect({ host: "127.0.0.1", port: closing.port, allowHalfOpen: true });
    kept.write(head("GET /healthz", "\r\n"));
    await once(kept, "data");
    const began = performance.now();
    const closed = closing.server.close(60_000);
    let held = 0;
    const count = (release: () => void) => {
      held++;
      release();
    };
    handler.on("held", count);
    await once(kept, "end");
    kept.write(head("GET /v1/held", `${auth()}\r\n`));
    kept.end();
    await once(kept, "close");
    await closed;
    handler.off("held", count);
    assert.equal(held, 0);
    assert.ok(performance.now() - began < 50_000, "it waits for nobody who keeps silent");
  });

  test("an answer that was under way when the shutdown began ends its connection, whatever it had said", async () => {
    const closing = await start();
    const socket = await open(closing.port);
    socket.write(head("GET /v1/uploads/long", "\r\n"));
    await once(socket, "data");
    const began = performance.now();
    const closed = closing.server.close(60_000);
    closing.finish();
    await readUntil(socket);
    await closed;
    assert.ok(performance.now() - began < 50_000);
  });
});

/** A request that the handler of /v1/held has in hand. */
async function hold(at: number): Promise<{ socket: Socket; release: () => void }> {
  const socket = await open(at);
  const reached = once(handler, "held");
  socket.write(head("GET /v1/held", `${auth()}\r\n`));
  const [release] = await reached;
  return { socket, release };
}
