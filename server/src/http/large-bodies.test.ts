import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Type } from "typebox";
import { createClock } from "../clock.ts";
import { Places } from "../fairness/places.ts";
import { createIdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { HttpServer } from "./server.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

const LARGE = LIMITS.batchBodyBytes;
const LARGE_PLACES = LARGE / LIMITS.jsonBodyBytes;
const bodies = new Places({ name: "bodies", total: 4 * LARGE_PLACES });

let t: TestApp;
let server: HttpServer;
let port: number;
const opened: Socket[] = [];

before(async () => {
  t = await openTestApp({
    bodies,
    routes: [
      (app) =>
        app.post("/v1/batch", {
          config: { scope: "any", bodyBytes: LARGE, errors: ["overloaded"] },
          schema: { body: Type.Object({ text: Type.String() }) },
          handler: async ({ body: { text } }) => ({ chars: text.length }),
        }),
    ],
  });
  server = new HttpServer({ app: t.app.routing, byteEndpoint: () => {}, ids: createIdSource(createClock()) });
  ({ port } = await server.listen("127.0.0.1", 0));
});

after(async () => {
  for (const socket of opened) socket.destroy();
  await server.close(0);
  await t.close();
});

/** Says how long its body will be, or that it comes in chunks, and sends the beginning. */
function begin(key: string, framing: string): Socket {
  const socket = connect(port, "127.0.0.1");
  opened.push(socket);
  socket.write(
    `POST /v1/batch HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`,
  );
  return socket;
}

async function statusOf(socket: Socket): Promise<string> {
  const [piece] = await once(socket, "data");
  return String(piece).slice(9, 12);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise(setImmediate);
}

test("bodies that are slow to arrive have their share of memory; another team has its own, and small ones need none", async () => {
  const first = begin(t.key, `Content-Length: ${LARGE}`);
  await until(() => bodies.taken === LARGE_PLACES);
  const chunked = begin(t.key, "Transfer-Encoding: chunked");
  await until(() => bodies.taken === 2 * LARGE_PLACES);
  assert.equal(await statusOf(begin(t.key, `Content-Length: ${LARGE}`)), "503");
  const small = begin(t.key, "Content-Length: 12");
  small.write('{"text":"a"}');
  assert.equal(await statusOf(small), "200");
  const { key } = await t.newKey(["search"], "other");
  const others = begin(key, `Content-Length: ${LARGE}`);
  await until(() => bodies.taken === 3 * LARGE_PLACES);

  for (const socket of [first, chunked, others]) socket.destroy();
  await until(() => bodies.taken === 0);
});

test("a large body is read, answered, and leaves no place behind; what is too large takes none", async () => {
  const body = JSON.stringify({ text: "x".repeat(LARGE - 100) });
  const socket = begin(t.key, `Content-Length: ${body.length}`);
  socket.write(body);
  assert.equal(await statusOf(socket), "200");
  await until(() => bodies.taken === 0);
  assert.equal(await statusOf(begin(t.key, `Content-Length: ${LARGE + 1}`)), "413");
  assert.equal(bodies.taken, 0);
});
