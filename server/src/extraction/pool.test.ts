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
import { type ExtractionEvent, ExtractionFault, type Extractor, ExtractorTrouble } from "./extractor.ts";
import type { PoolServerOptions } from "./fixtures/pool-server.ts";
import { hasEnded, readerCalled, spawnerOf } from "./fixtures/readers.ts";
import { documentNamed, failure, readAll } from "./fixtures/reading.ts";
import type { Lane } from "./lanes.ts";
import { createExtractionPool } from "./pool.ts";

const CHILDREN = join(import.meta.dirname, "fixtures/children");
const never = new AbortController().signal;
const limits = { rssBytes: 300 * 1024 * 1024, cpuMs: 600, wallMs: 1500, stoppedMs: 400 };

let pool: Extractor;
/** With the real limits: for what needs time to use up its memory. */
let patient: Extractor;
before(async () => {
  patient = await createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  pool = await createExtractionPool({
    places: 2,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
    limits,
  });
});
after(() => Promise.all([pool.close(), patient.close()]));

function isAlive(name: string): boolean {
  return readerCalled(name) !== null;
}

function signal(name: string, what: NodeJS.Signals): void {
  const pid = readerCalled(name);
  assert.ok(pid !== null, "the reader has ended before");
  process.kill(pid, what);
}

test("a document goes in and its pages and chunks come out", async () => {
  const events: ExtractionEvent[] = [];
  for await (const event of pool.extract(documentNamed("echo", "Grüße 😀"), { signal: never, lane: "fast" }))
    events.push(event);
  assert.deepEqual(events.slice(1), [
    { kind: "page", page: { page: 2, label: "echo", text: "Grüße 😀" } },
    { kind: "chunks", chunks: [{ page: 2, charStart: 0, charEnd: 8, text: "Grüße 😀", tokens: "Grüße 😀" }] },
  ]);
});

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

interface Fate {
  readonly name: string;
  readonly code: ExtractionFault["code"];
  readonly permanent: boolean;
  readonly death: boolean;
  readonly says: RegExp;
}

/** On a loaded machine a spinning child, at nice 10, may reach its wall time first: which of the two is budget.test.ts's. */
const fates: readonly Fate[] = [
  { name: "fault", code: "encrypted_file", permanent: true, death: false, says: /protected \(DRM\)/ },
  { name: "trap", code: "too_complex", permanent: true, death: false, says: /Reading stopped on page 2\./ },
  { name: "spin", code: "extraction_timeout", permanent: false, death: true, says: /page 2.*it took more than/ },
  { name: "wait", code: "extraction_timeout", permanent: false, death: true, says: /page 2.*more than 1\.5 s/ },
  { name: "memory", code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  { name: "heap", code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  { name: "abort", code: "too_complex", permanent: false, death: true, says: /page 2.*SIG(?:ABRT|SEGV|TRAP|ILL)/ },
  { name: "exit", code: "too_complex", permanent: false, death: true, says: /page 2.*exit code 3/ },
  { name: "garbage", code: "corrupt_file", permanent: false, death: true, says: /page 2.*protocol/ },
  { name: "wrong chunk", code: "corrupt_file", permanent: false, death: true, says: /page 2.*protocol/ },
  { name: "wrong page", code: "corrupt_file", permanent: false, death: true, says: /page 2.*protocol/ },
];

for (const { name, code, permanent, death, says } of fates) {
  test(`a child that does "${name}" gives ${code}, ${permanent ? "permanent" : "to be tried again"}, and the next document is read`, async () => {
    const used = code === "extraction_memory" ? patient : pool;
    const error = await failure(used.extract(documentNamed(name), { signal: never, lane: "fast" }));
    assert.ok(error instanceof ExtractionFault, String(error));
    assert.deepEqual({ code: error.code, permanent: error.permanent, death: error.death }, { code, permanent, death });
    assert.match(error.message, says);
    await readAll(used.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
  });
}

for (const [what, code] of [
  ["SIGKILL", "internal"],
  ["SIGSTOP", "extraction_timeout"],
] as const) {
  test(`${what} of a child in the middle of a document is a typed fault within seconds`, async () => {
    const events = pool.extract(documentNamed("wait"), { signal: never, lane: "fast" });
    const error = await failure(events, (page) => signal(page.text, what));
    assert.ok(error instanceof ExtractionFault, String(error));
    assert.deepEqual(
      { code: error.code, permanent: error.permanent, death: error.death },
      { code, permanent: false, death: true },
    );
  });
}

test("aborting ends the child and throws trouble, not a fault", async () => {
  const abort = new AbortController();
  let reader = "";
  const error = await failure(pool.extract(documentNamed("spin"), { signal: abort.signal, lane: "fast" }), (page) => {
    reader = page.text;
    abort.abort();
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  assert.ok(await hasEnded(reader));
});

test("leaving the loop early ends the child and frees its place", async () => {
  for (let round = 0; round < 4; round++) {
    let reader = "";
    for await (const event of pool.extract(documentNamed("spin"), { signal: never, lane: "fast" })) {
      if (event.kind === "page") reader = event.page.text;
      break;
    }
    assert.ok(await hasEnded(reader));
  }
});

test("a consumer that takes its time holds the child back, and costs the document none of its own time", async () => {
  let pages = 0;
  let reader = "";
  let readBytes = 0;
  for await (const event of pool.extract(documentNamed("flood"), { signal: never, lane: "fast" })) {
    if (event.kind !== "page") continue;
    if (event.page.page === 1) reader = event.page.text;
    pages += 1;
    readBytes += event.page.text.length;
    if (pages === 5) await new Promise((resolve) => setTimeout(resolve, limits.wallMs + 500));
    if (pages === 10) break;
  }
  assert.ok(isAlive(reader) || (await hasEnded(reader)));
  assert.ok(readBytes < 2_000_000);
  assert.equal(pages, 10);
});

test("an original that cannot be read is the machine's trouble", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("ab");
    throw new Error("EIO");
  }
  const source = { ...documentNamed("echo"), sizeBytes: 10, open: broken };
  const error = await failure(pool.extract(source, { signal: never, lane: "fast" }));
  assert.ok(error instanceof ExtractorTrouble, String(error));
});

for (const [name, sizeBytes] of [
  ["shorter", 10],
  ["longer", 2],
] as const) {
  test(`an original that is ${name} than its record is the machine's trouble`, async () => {
    const error = await failure(
      pool.extract({ ...documentNamed("echo", "12345"), sizeBytes }, { signal: never, lane: "fast" }),
    );
    assert.ok(error instanceof ExtractorTrouble, String(error));
  });
}

test("closing ends the children and whatever is being read", async () => {
  const closing = await createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  let reader = "";
  const error = await failure(closing.extract(documentNamed("wait"), { signal: never, lane: "fast" }), (page) => {
    reader = page.text;
    void closing.close();
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  assert.ok(await hasEnded(reader));
  assert.ok(
    (await failure(closing.extract(documentNamed("echo"), { signal: never, lane: "fast" }))) instanceof
      ExtractorTrouble,
  );
});

test("a child whose output nobody reads to its end is gone all the same, so that the pool can close", async () => {
  const left = await createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  for (const name of ["flood", "mutter"])
    for await (const event of left.extract(documentNamed(name), { signal: never, lane: "fast" }))
      if (event.kind === "page" && event.page.page > 1) break;
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(resolve, 10_000, "still open");
  assert.equal(await Promise.race([left.close().then(() => "closed"), late]), "closed");
  clearTimeout(timer);
});

test("a reader that is lost with the process that started it is trouble of the machine, not of its document", {
  skip: !existsSync("/proc/self") && "needs /proc",
}, async () => {
  const error = await failure(pool.extract(documentNamed("wait"), { signal: never, lane: "fast" }), (page) => {
    process.kill(spawnerOf(readerCalled(page.text) ?? 0), "SIGKILL");
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  await readAll(pool.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
});

test("no child outlives a server that is killed, not even one that spins", {
  skip: !existsSync("/proc/self") && "needs /proc",
}, async () => {
  const spinning: PoolServerOptions = {
    entry: "misbehaving.ts",
    filename: "spin",
    content: "",
    lanes: ["fast", "slow"],
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
