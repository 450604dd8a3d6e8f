import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { Type } from "typebox";
import { Compilers, NO_COMPILERS } from "./compilers.ts";
import type { App } from "./route.ts";

async function appWith(t: TestContext, addRoutes: (app: App) => void) {
  const compilers = new Compilers();
  const app: App = Fastify({ schemaController: NO_COMPILERS });
  t.after(() => app.close());
  compilers.addTo(app);
  addRoutes(app);
  await app.ready();
  return { app, compilers };
}

const numbered = (app: App) =>
  app.post("/numbers", {
    schema: {
      headers: Type.Object({ "x-unit": Type.Literal("m") }),
      body: Type.Object({ number: Type.Integer() }),
      response: { 200: Type.Object({ number: Type.Integer() }) },
    },
    handler: async () => ({ number: 5, secret: "unnamed" }),
  });

const post = (app: App, number: unknown, unit = "m") =>
  app.inject({ method: "POST", url: "/numbers", payload: { number }, headers: { "X-Unit": unit } });

test("the first requests are validated and serialized as all others, also when they come together", async (t) => {
  const { app } = await appWith(t, numbered);
  const answers = await Promise.all([post(app, 1), post(app, "1"), post(app, 2), post(app, 1, "ft")]);
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [200, 400, 200, 400],
  );
  assert.equal(answers[0]?.body, '{"number":5}');
  assert.match(answers[1]?.body ?? "", /body\/number must be integer/);
  assert.equal((await post(app, 3)).body, '{"number":5}');
  assert.match((await post(app, null)).body, /body\/number must be integer/);
});

test("a schema that is none is found when all are made", async (t) => {
  const { compilers } = await appWith(t, (app) =>
    app.get("/wrong", { schema: { querystring: { type: "nothing" } }, handler: async () => null }),
  );
  await assert.rejects(compilers.makeAll(), /type must be/);
});

test("all are made: of each part of a request, and of each answer", async (t) => {
  const { compilers } = await appWith(t, numbered);
  assert.equal(await compilers.makeAll(), 3);
});

test("a header's name in upper case, which no request would ever have, stops the start", async (t) => {
  const routes = (app: App) =>
    app.get("/", { schema: { headers: Type.Object({ "X-Unit": Type.String() }) }, handler: async () => null });
  await assert.rejects(appWith(t, routes), /X-Unit: write it in lower case/);
});
