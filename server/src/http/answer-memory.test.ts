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

/** More than the kernel takes for a client that does not read. */
const LARGE = 16 * 2 ** 20;
const answers = new Places({ name: "answers", total: (4 * LARGE) / LIMITS.answerPlaceBytes + 10 });

let t: TestApp;
let server: HttpServer;
let port: number;
const opened: Socket[] = [];

before(async () => {
  t = await openTestApp({
    answers,
    routes: [
      (app) =>
        app.get("/v1/text", {
          config: { scope: "any" },
          schema: { querystring: Type.Object({ chars: Type.Integer() }) },
          handler: async ({ query: { chars } }) => ({ text: "x".repeat(chars) }),
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

/** Asks, and reads no more than the beginning of the answer. */
async function ask(key: string, chars: number): Promise<{ readonly socket: Socket; readonly status: string }> {
  const socket = connect(port, "127.0.0.1");
  opened.push(socket);
  socket.write(`GET /v1/text?chars=${chars} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n\r\n`);
  const [piece] = await once(socket, "data");
  socket.pause();
  return { socket, status: String(piece).slice(9, 12) };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise(setImmediate);
}

test("answers that their clients do not take have their share of memory; another team has its own", async () => {
  const first = await ask(t.key, LARGE);
  const second = await ask(t.key, LARGE);
  assert.deepEqual([first.status, second.status], ["200", "200"]);
  assert.equal((await ask(t.key, LARGE)).status, "503");
  assert.equal((await ask(t.key, LIMITS.smallAnswerBytes / 2)).status, "200", "small ones are always answered");
  const { key } = await t.newKey(["search"], "other");
  const others = await ask(key, LARGE);
  assert.equal(others.status, "200");

  const taken = answers.taken;
  first.socket.destroy();
  await until(() => answers.taken < taken);
  const again = await ask(t.key, LARGE);
  assert.equal(again.status, "200", "who leaves gives the place back");
  for (const { socket } of [second, others, again]) socket.destroy();
  await until(() => answers.taken === 0);
});

test("an answer that is taken leaves no place behind", async () => {
  for (let turn = 0; turn < 5; turn++) {
    const { socket } = await ask(t.key, 2 ** 20);
    socket.resume();
    await until(() => answers.taken === 0);
  }
});
