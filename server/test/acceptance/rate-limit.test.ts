import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { parseList } from "structured-headers";
import { Api } from "../support/api.ts";
import type { HttpAnswer } from "../support/http.ts";
import { at, numberAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import type { TestServer } from "../support/server.ts";
import { CONFIG, NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

const LIMITED = { WHARF_CREATES_PER_SECOND: "5" };
const limited = NEEDS_OWN_SERVER === false ? await ownServer(LIMITED) : null;

proves(
  ["LIM-1", "LIM-2"],
  "the 6th create within a second is 429 with all its headers, and the next second is free again",
  async () => {
    const api = await freshTeam(server());
    // Sent side by side, so that even a loaded machine has them within one second.
    const answers = await Promise.all(Array.from({ length: 6 }, () => api.createRaw(api.createBody(1))));
    assert.equal(answers.filter(({ status }) => status === 201).length, 5);
    const refused = answers.find(({ status }) => status === 429);
    assert.equal(textAt(refused?.json, "error", "code"), "rate_limited");
    assert.equal(at(refused?.json, "error", "retryable"), true);
    assert.ok(Number(refused?.headers["retry-after"]) >= 1);
    assert.deepEqual(answers.map(remaining).sort(), [0, 0, 1, 2, 3, 4]);
    await wait(1000);
    assert.equal((await api.createRaw(api.createBody(1))).status, 201);
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["LIM-1", "LIM-5"],
  "only creates that made a session count: refusals, replays and other teams do not",
  async () => {
    const [api, other] = [await freshTeam(server()), await freshTeam(server())];
    const key = { "Idempotency-Key": randomUUID() };
    await api.createRaw(api.createBody(1), key);
    const free: readonly Promise<HttpAnswer>[] = [
      ...Array.from({ length: 6 }, () => api.createRaw(api.createBody(1), key)),
      ...Array.from({ length: 6 }, () => api.createRaw(api.createBody(0))),
      ...Array.from({ length: 6 }, () => api.createRaw(api.createBody(1, { bucket: "bucket_none" }))),
      ...Array.from({ length: 6 }, () => api.createRaw(api.createBody(2), key)),
      ...Array.from({ length: 5 }, () => other.createRaw(other.createBody(1))),
    ];
    assert.ok(!(await Promise.all(free)).some(({ status }) => status === 429));
    const counted = await Promise.all(Array.from({ length: 4 }, () => api.createRaw(api.createBody(1))));
    assert.deepEqual(
      counted.map(({ status }) => status),
      [201, 201, 201, 201],
    );
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["LIM-5"],
  "at the limit a replay is still served, a reused key is still 422 and an unknown bucket still 400",
  async () => {
    const api = await freshTeam(server());
    const key = { "Idempotency-Key": randomUUID() };
    const first = await api.createRaw(api.createBody(1), key);
    await Promise.all(Array.from({ length: 6 }, () => api.createRaw(api.createBody(1))));
    const answers = await Promise.all([
      api.createRaw(api.createBody(1), key),
      api.createRaw(api.createBody(2), key),
      api.createRaw(api.createBody(1, { bucket: "bucket_none" })),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 422, 400],
    );
    assert.equal(textAt(answers[0]?.json, "session_id"), textAt(first.json, "session_id"));
    for (const answer of answers) remaining(answer);
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["LIM-4", "LIM-2"],
  "an operator's own limits stand in errors and headers",
  async () => {
    const server = await ownServer({ WHARF_CREATES_PER_SECOND: "2", WHARF_MAX_FILE_BYTES: "1000" });
    const api = new Api(server.url, server.key);
    const answers = await Promise.all(Array.from({ length: 3 }, () => api.createRaw(api.createBody(1000))));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 429]);
    for (const answer of answers) assert.equal(answer.headers["ratelimit-policy"], '"create";q=2;w=1');
    assert.match(textAt(answers.find(({ status }) => status === 429)?.json, "error", "message"), /\b2\b/);
    const large = await api.createRaw(api.createBody(1001));
    assert.equal(large.status, 413);
    assert.equal(numberAt(large.json, "error", "details", "max_bytes"), 1000);
    assert.ok((await api.get("/openapi.json")).text.includes("1000"));
  },
  { skip: NEEDS_OWN_SERVER },
);

proves(
  ["LIM-1", "LIM-5"],
  "random arrivals, by two keys of one team and across a restart, agree with a brute-force oracle",
  async () => {
    const of = server();
    const random = seededRandom(CONFIG.seed);
    const team = `oracle-${randomUUID().slice(0, 8)}`;
    const keys = [await of.mintKey(team), await of.mintKey(team)];
    const bucket = `oracle-${randomUUID().slice(0, 8)}`;
    const seen: Arrival[] = [];
    const rounds = CONFIG.long ? 12 : 2;
    for (let round = 0; round < rounds; round++) {
      const burst: Promise<void>[] = [];
      for (let sent = 0; sent < 25; sent++) {
        await wait(random.integer(0, random.next() < 0.3 ? 600 : 60));
        const api = new Api(of.url, keys[random.integer(0, 1)] ?? "");
        burst.push(arrive(api, bucket, seen));
      }
      await Promise.all(burst);
      // Killed with the window still full; started at once.
      await of.end("SIGKILL");
      await of.begin();
    }
    assert.deepEqual(violations(seen, 5), []);
    assert.ok(seen.some(({ status }) => status === 429) && seen.some(({ status }) => status === 201));
  },
  { skip: NEEDS_OWN_SERVER, timeout: 180_000 },
);

/** When a create was sent and answered: its moment in the server lies between the two. */
interface Arrival {
  readonly status: number;
  readonly sentAt: number;
  readonly answeredAt: number;
}

async function arrive(api: Api, bucket: string, seen: Arrival[]): Promise<void> {
  const sentAt = performance.now();
  const answer = await api.createRaw(api.createBody(1, { bucket }));
  assert.ok([201, 429].includes(answer.status), answer.text);
  seen.push({ status: answer.status, sentAt, answeredAt: performance.now() });
}

/**
 * The oracle: what no placement of the moments within their bounds allows. Too many: `limit + 1` creates that all lie
 * within one second. Too few: a refusal although at most `limit - 1` creates can lie in the second before it. The
 * server's clock counts whole milliseconds, so a second may look 1 ms shorter to us.
 */
function violations(seen: readonly Arrival[], limit: number): readonly string[] {
  const made = seen.filter(({ status }) => status === 201);
  const found: string[] = [];
  for (const first of made) {
    const within = made.filter(({ sentAt, answeredAt }) => sentAt >= first.sentAt && answeredAt < first.sentAt + 999);
    if (within.length > limit) found.push(`${within.length} creates within a second from ${first.sentAt}`);
  }
  for (const refused of seen.filter(({ status }) => status === 429)) {
    const possible = made.filter(
      ({ sentAt, answeredAt }) => answeredAt > refused.sentAt - 1001 && sentAt <= refused.answeredAt,
    );
    if (possible.length < limit) found.push(`refused at ${refused.sentAt} with only ${possible.length} creates before`);
  }
  return found;
}

function remaining(answer: HttpAnswer): number {
  assert.equal(answer.headers["ratelimit-policy"], '"create";q=5;w=1');
  const [item] = parseList(answer.headers["ratelimit"] ?? "");
  assert.equal(item?.[0], "create");
  assert.equal(item?.[1].get("t"), 1);
  return Number(item?.[1].get("r"));
}

async function freshTeam(of: TestServer): Promise<Api> {
  return new Api(of.url, await of.mintKey(`team-${randomUUID().slice(0, 8)}`));
}

function server(): TestServer {
  assert.ok(limited !== null);
  return limited;
}
