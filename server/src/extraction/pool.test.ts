import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { type Extractor, ExtractorTrouble } from "./extractor.ts";
import type { PoolServerOptions } from "./fixtures/pool-server.ts";
import { hasEnded, readerCalled, spawnerOf } from "./fixtures/readers.ts";
import { documentNamed, failure, oneByOne, readAll } from "./fixtures/reading.ts";
import type { Lane } from "./lanes.ts";
import { createExtractionPool } from "./pool.ts";

/**
 * What any extractor does is extractor.conformance.ts's; this is what is a pool's alone: its children, and who
 * starts them.
 */
const CHILDREN = join(import.meta.dirname, "fixtures/children");
const never = new AbortController().signal;
const limits = { rssBytes: 300 * 1024 * 1024, cpuMs: 600, wallMs: 1500, stoppedMs: 400 };

let pool: Extractor;
before(async () => {
  pool = await createExtractionPool({
    places: 2,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
    limits,
  });
});
after(() => pool.close());

function isAlive(name: string): boolean {
  return readerCalled(name) !== null;
}

/** The child that reads the document: the fixtures' first page is the name of their process. */
async function readerOf(name: string, lane: Lane = "fast", teamId = "team_a"): Promise<string> {
  let reader = "";
  const read = readAll(pool.extract(documentNamed(name, "", teamId), { signal: never, lane }), (page) => {
    if (page.page === 1) reader = page.text;
  });
  await read.catch(() => {});
  return reader;
}

test("a child that has read in the slow lane reads there again, and in the fast lane when it has its priority back", async () => {
  const slow = await readerOf("echo", "slow");
  const priority = getPriority(readerCalled(slow) ?? -1);
  assert.equal(priority, mayRaisePriorities() ? LIMITS.childPriority : LIMITS.slowLanePriority);
  assert.equal((await readerOf("echo")) === slow, priority === LIMITS.childPriority);
  assert.equal(await readerOf("echo", "slow"), slow);
});

/** CAP_SYS_NICE, which root has outside most containers. */
function mayRaisePriorities(): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return ((BigInt(`0x${effective}`) >> 23n) & 1n) === 1n;
}

test("a child that has read a document of one team never reads one of another", async () => {
  const seen = { team_x: new Set<string>(), team_y: new Set<string>() };
  for (let round = 0; round < 3; round++)
    for (const teamId of ["team_x", "team_y"] as const) seen[teamId].add(await readerOf("echo", "fast", teamId));
  const { team_x: x, team_y: y } = seen;
  assert.deepEqual([x.size, y.size], [1, 1], "a team that comes again finds its child");
  assert.notDeepEqual(x, y);
  assert.ok(!x.has(await readerOf("echo", "slow", "team_y")));
});

test("a child is used again after a fault of the document, and not after a trap", async () => {
  const first = await readerOf("echo");
  assert.equal(await readerOf("fault"), first);
  assert.equal(await readerOf("trap"), first);
  assert.notEqual(await readerOf("echo"), first);
  assert.ok(await hasEnded(first));
});

test("a child whose output nobody reads to its end is gone all the same, so that the pool can close", async () => {
  const left = await createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  for (const name of ["flood", "mutter"])
    for await (const event of oneByOne(left.extract(documentNamed(name), { signal: never, lane: "fast" })))
      if (event.kind === "page" && event.page.page > 1) break;
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(resolve, 60_000, "still open");
  assert.equal(await Promise.race([left.close().then(() => "closed"), late]), "closed");
  clearTimeout(timer);
});

test("a reader that is lost with the process that started it is trouble of the machine, not of its document", {
  skip: !existsSync("/proc/self") && "needs /proc",
}, async () => {
  // With time for a busy machine: the reader waits for ever.
  const patient = await createExtractionPool({
    places: 2,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  try {
    const error = await failure(patient.extract(documentNamed("wait"), { signal: never, lane: "fast" }), (page) => {
      process.kill(spawnerOf(readerCalled(page.text) ?? 0), "SIGKILL");
    });
    assert.ok(error instanceof ExtractorTrouble, String(error));
    await readAll(patient.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
  } finally {
    await patient.close();
  }
});

test("a document that comes again because its reader ended is told the page on which it does, and the first time where that begins", async () => {
  const message = async (lane: Lane) =>
    String(await failure(pool.extract(documentNamed("exit"), { signal: never, lane })));
  assert.match(await message("fast"), /On page 2 or later its reader broke down/);
  assert.match(await message("slow"), /On page 2 its reader broke down/);
});

test("no child outlives a server that is killed, not even one that spins", {
  skip: !existsSync("/proc/self") && "needs /proc",
}, async () => {
  const spinning: PoolServerOptions = {
    entry: "misbehaving.ts",
    documents: (["fast", "slow"] as const).map((lane) => ({ filename: "spin", content: "", lane })),
    variant: "product",
    by: null,
  };
  const server = spawn(
    process.execPath,
    [join(import.meta.dirname, "fixtures/pool-server.ts"), JSON.stringify(spinning)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const readers: string[] = [];
  for await (const line of createInterface({ input: server.stdout })) {
    const { label, text }: { label: string | null; text: string } = JSON.parse(line);
    if (label === null) readers.push(text);
    if (readers.length === 2) break;
  }
  assert.ok(readers.every(isAlive));
  server.kill("SIGKILL");
  await once(server, "exit");
  for (const reader of readers) assert.ok(await hasEnded(reader));
});

test("a machine on which no child starts is told so", async () => {
  const broken = createExtractionPool({ places: 1, log: createLog("silent"), entry: join(CHILDREN, "absent.ts") });
  await assert.rejects(broken, ExtractorTrouble);
});
