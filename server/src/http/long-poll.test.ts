import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, before, beforeEach, describe, test } from "node:test";
import { Type } from "typebox";
import { listApiKeys, revokeApiKey } from "../access/keys.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { Places } from "../fairness/places.ts";
import { LIMITS } from "../limits.ts";
import { matchesEtag, weakEtag } from "./etag.ts";
import { LongPolls, Wait } from "./long-poll.ts";
import type { App } from "./route.ts";
import { openTestApp, type TestApp } from "./test-app.ts";

/** The polled object, and who listens for its changes: the catalogue's wake-ups, in the test's hand. */
let status = "queued";
let progress = 0;
let reads = 0;
const commits = new EventEmitter();
const reading = new EventEmitter();
let polls: LongPolls;
let t: TestApp;
/** Of a team, two are held at once. */
const places = new Places({ name: "polls", total: 4 });

function pollRoutes(catalogue: Catalogue) {
  const listen: Catalogue["listen"] = (topic, wake) => {
    commits.on(topic, wake);
    const stop = catalogue.listen(topic, wake);
    return () => {
      commits.off(topic, wake);
      stop();
    };
  };
  polls = new LongPolls({ catalogue: { ...catalogue, listen }, places });
  return (app: App): void => {
    app.get("/v1/thing", {
      config: { scope: "any" },
      schema: {
        querystring: Type.Object({ wait: Wait }),
        response: { 200: Type.Object({ status: Type.String(), progress: Type.Integer() }) },
      },
      handler: (request, reply) =>
        polls.answer(request, reply, {
          topics: ["thing"],
          read: async () => {
            reads += 1;
            const seen = { status, progress };
            reading.emit("read");
            return seen;
          },
          state: (body) => body.status,
          ended: (body) => body.status === "indexed",
        }),
    });
  };
}

before(async () => {
  t = await openTestApp({ routesOver: (catalogue) => [pollRoutes(catalogue)] });
});
after(() => t.close());
beforeEach(() => {
  status = "queued";
  progress = 0;
  reads = 0;
});

/** A poll that has read the object once and waits. */
async function held(query: string, headers: Record<string, string> = {}) {
  const read = once(reading, "read");
  const answer = t.get(`/v1/thing${query}`, headers);
  await read;
  return answer.then((response) => ({ response, elapsed: performance.now() }));
}

describe("long-polls (POL-5)", () => {
  test("without wait the answer comes at once", async () => {
    const answer = await t.get("/v1/thing");
    assert.equal(answer.json().status, "queued");
    assert.equal(reads, 1);
  });

  test("?wait and Prefer hold the answer until the status differs, and a commit wakes it, not a timer", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    for (const [query, headers] of [
      ["?wait=30", {}],
      ["?wait=99999999999999999999", {}],
      ["", { prefer: "wait=30" }],
      ["", { prefer: "respond-async, wait = 30" }],
    ] as const) {
      status = "queued";
      const read = once(reading, "read");
      const answer = t.get(`/v1/thing${query}`, headers);
      await read;
      progress += 1;
      const readAgain = once(reading, "read");
      commits.emit("thing");
      await readAgain;
      status = "indexing";
      commits.emit("thing");
      assert.equal((await answer).json().status, "indexing", query);
    }
    assert.equal(commits.listenerCount("thing"), 0);
  });

  test("a change that woke nobody is found within about a second", async () => {
    const answer = held("?wait=30");
    await once(reading, "read");
    status = "indexing";
    assert.equal((await answer).response.json().status, "indexing");
  });

  test("a change between the first read and the wait is not missed", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    reading.once("read", () => {
      status = "indexing";
      commits.emit("thing");
    });
    // The first read still says queued: it took its values before the change.
    const answer = await t.get("/v1/thing?wait=30");
    assert.equal(answer.json().status, "indexing");
  });

  test("a terminal object is answered at once; with a matching If-None-Match it is waited on and ends in 304", async () => {
    status = "indexed";
    const first = await t.get("/v1/thing?wait=30");
    assert.equal(first.json().status, "indexed");
    const startedAt = performance.now();
    const same = await t.get("/v1/thing?wait=1", { "if-none-match": String(first.headers["etag"]) });
    assert.equal(same.statusCode, 304);
    assert.equal(same.body, "");
    assert.ok(performance.now() - startedAt >= 950);
    const other = await t.get("/v1/thing?wait=30", { "if-none-match": '"other"' });
    assert.equal(other.statusCode, 200);
  });

  test("the wait ends with the object as it is", async () => {
    const answer = held("?wait=1");
    await once(reading, "read");
    progress = 7;
    assert.deepEqual((await answer).response.json().progress, 7);
  });

  test("a ?wait that is no whole number is 400; in Prefer it is ignored", async () => {
    for (const wait of ["1.5", "-1", "1e1", "ten", "", "+5", "0x1", "NaN", "1&wait=2"]) {
      const answer = await t.get(`/v1/thing?wait=${wait}`);
      assert.equal(answer.statusCode, 400, wait);
      assert.equal(answer.json().error.details.field, "wait");
    }
    for (const prefer of ["wait=ten", "wait=-1", "wait=1.5", "wait", "awaited=30", "return=minimal"]) {
      const answer = await t.get("/v1/thing", { prefer });
      assert.equal(answer.statusCode, 200, prefer);
    }
    assert.equal((await t.get("/v1/thing?wait=0", { prefer: "wait=30" })).statusCode, 200);
  });

  test("a poll beyond its share is not refused but answered after a second at most, and what is left makes room", async () => {
    const [first, second] = [t.get("/v1/thing?wait=60"), t.get("/v1/thing?wait=60")];
    while (reads < 2) await once(reading, "read");
    assert.equal(places.taken, 2);
    const began = performance.now();
    const surplus = await t.get("/v1/thing?wait=60");
    assert.equal(surplus.statusCode, 200);
    assert.equal(surplus.json().status, "queued");
    assert.ok(performance.now() - began >= LIMITS.pollSurplusMs - 50);
    assert.equal(places.taken, 2, "the others are held on");
    status = "indexing";
    commits.emit("thing");
    for (const answer of await Promise.all([first, second])) assert.equal(answer.json().status, "indexing");
    assert.equal(places.taken, 0);
  });

  test("when connections run out, the one that has been held longest beyond its share is answered, and no other", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const within = [t.get("/v1/thing?wait=60"), t.get("/v1/thing?wait=60")];
    while (reads < 2) await once(reading, "read");
    const answered: number[] = [];
    const beyond = [0, 1].map(async (index) => {
      const answer = await t.get("/v1/thing?wait=60");
      answered.push(index);
      return answer;
    });
    while (reads < 4) await once(reading, "read");
    while (answered.length < 1) {
      polls.giveWay();
      await beyond[0];
    }
    assert.deepEqual(answered, [0]);
    status = "indexing";
    commits.emit("thing");
    for (const answer of await Promise.all([...within, ...beyond])) assert.equal(answer.statusCode, 200);
  });

  test("very many beyond their share are held longer, so that they come again no more often, and hear of a change", async () => {
    const held = [t.get("/v1/thing?wait=60"), t.get("/v1/thing?wait=60")];
    while (reads < 2) await once(reading, "read");
    const heldMs = await Promise.all(
      Array.from({ length: 2 * LIMITS.pollSurplusPerSecond }, async () => {
        const began = performance.now();
        await t.get("/v1/thing?wait=60");
        return performance.now() - began;
      }),
    );
    assert.ok(Math.max(...heldMs) >= 2000 - 50, `the longest was held for ${Math.max(...heldMs)} ms`);
    const before = reads;
    const again = t.get("/v1/thing?wait=60");
    while (reads === before) await once(reading, "read");
    status = "indexing";
    commits.emit("thing");
    for (const answer of await Promise.all([...held, again])) assert.equal(answer.json().status, "indexing");
  });

  test("a poll whose key is revoked ends at once, and is told nothing more (ALL-2)", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { key } = await t.newKey(["files:read"], "leavers");
    const [listed] = await listApiKeys(t.catalogue, "leavers");
    assert.ok(listed !== undefined);
    const other = t.get("/v1/thing?wait=60");
    const answer = t.get("/v1/thing?wait=60", { authorization: `Bearer ${key}` });
    while (reads < 2) await once(reading, "read");
    progress = 9;
    await revokeApiKey(t.catalogue, listed.id);
    const { statusCode, body } = await answer;
    assert.equal(statusCode, 401);
    assert.match(JSON.parse(body).error.message, /revoked/);
    assert.ok(!body.includes("progress"));
    status = "indexing";
    commits.emit("thing");
    assert.equal((await other).statusCode, 200, "others are held on");
  });

  test("shutdown releases every held answer at once, and none is held after it", async () => {
    const waiting = [t.get("/v1/thing?wait=60"), t.get("/v1/thing?wait=60")];
    while (reads < 2) await once(reading, "read");
    polls.release();
    for (const answer of await Promise.all(waiting)) assert.equal(answer.json().status, "queued");
    assert.equal((await t.get("/v1/thing?wait=60")).json().status, "queued");
  });
});

describe("validators (POL-6)", () => {
  test("the weak ETag covers the body without request_id: equal states have equal tags, and If-None-Match gets 304", async () => {
    const first = await t.get("/v1/thing");
    const again = await t.get("/v1/thing");
    const etag = String(first.headers["etag"]);
    assert.match(etag, /^W\/"[\w-]{27}"$/);
    assert.equal(again.headers["etag"], etag);
    assert.notEqual(first.json().request_id, again.json().request_id);

    const same = await t.get("/v1/thing", { "if-none-match": `"x", ${etag}` });
    assert.equal(same.statusCode, 304);
    assert.equal(same.body, "");
    assert.equal(same.headers["etag"], etag);
    assert.equal(same.headers["content-type"], undefined);
    assert.match(String(same.headers["x-request-id"]), /^req_/);

    progress = 1;
    const changed = await t.get("/v1/thing", { "if-none-match": etag });
    assert.equal(changed.statusCode, 200);
    assert.notEqual(changed.headers["etag"], etag);
  });

  test("comparison is weak, over lists and *", () => {
    const etag = weakEtag({ a: 1 });
    const cases: readonly (readonly [string | undefined, boolean])[] = [
      [undefined, false],
      ["", false],
      ["*", true],
      [etag, true],
      [etag.slice(2), true],
      [`"a,b" , ${etag}`, true],
      ['"other"', false],
      [etag.slice(2, -1), false],
    ];
    for (const [header, matches] of cases) assert.equal(matchesEtag(header, etag), matches, header);
  });
});
