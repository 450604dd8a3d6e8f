import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { DOCUMENT_LIMITS } from "./budget.ts";
import {
  type ExtractedPage,
  type ExtractionEvent,
  ExtractionFault,
  type ExtractionSource,
  type Extractor,
  ExtractorTrouble,
  TooLongForFastLane,
} from "./extractor.ts";
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

function documentNamed(filename: string, content = ""): ExtractionSource {
  const bytes = Buffer.from(content);
  async function* open(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  return { filename, title: "", declaredType: "", sizeBytes: bytes.length, open };
}

async function readAll(
  events: AsyncIterable<ExtractionEvent>,
  onPage: (page: ExtractedPage) => void = () => {},
): Promise<ExtractedPage[]> {
  const pages: ExtractedPage[] = [];
  for await (const event of events) {
    if (event.kind !== "page") continue;
    pages.push(event.page);
    onPage(event.page);
  }
  return pages;
}

/** Reads, and answers with what it threw. */
async function failure(
  events: AsyncIterable<ExtractionEvent>,
  onPage?: (page: ExtractedPage) => void,
): Promise<unknown> {
  return readAll(events, onPage).then(
    () => assert.fail("it was read"),
    (error: unknown) => error,
  );
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** Watches the process itself: there is no event for the end of somebody else's child. */
async function hasEnded(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 500 && isAlive(pid); attempt++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return !isAlive(pid);
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

/** The child that reads the document; the fixtures' first page is their process id. */
async function pidOf(name: string, lane: Lane = "fast"): Promise<string> {
  let pid = "";
  const read = readAll(pool.extract(documentNamed(name), { signal: never, lane }), (page) => {
    if (page.page === 1) pid = page.text;
  });
  await read.catch(() => {});
  return pid;
}

test("a child that reads in the slow lane is used again there, and nowhere else: its priority is lost", async () => {
  const slow = await pidOf("echo", "slow");
  assert.notEqual(await pidOf("echo"), slow);
  assert.equal(await pidOf("echo", "slow"), slow);
});

test("a child is used again after a fault of the document, and not after a trap", async () => {
  const first = await pidOf("echo");
  assert.equal(await pidOf("fault"), first);
  assert.equal(await pidOf("trap"), first);
  assert.notEqual(await pidOf("echo"), first);
  assert.ok(await hasEnded(Number(first)));
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
  { name: "fault", code: "encrypted_file", permanent: true, death: false, says: /locked/ },
  { name: "trap", code: "too_complex", permanent: true, death: false, says: /trapped/ },
  { name: "spin", code: "extraction_timeout", permanent: false, death: true, says: /page 2.*it took more than/ },
  { name: "wait", code: "extraction_timeout", permanent: false, death: true, says: /page 2.*more than 1\.5 s/ },
  { name: "memory", code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  { name: "heap", code: "extraction_memory", permanent: false, death: true, says: /page 2.*memory/ },
  { name: "abort", code: "too_complex", permanent: false, death: true, says: /page 2.*SIGABRT/ },
  { name: "exit", code: "too_complex", permanent: false, death: true, says: /page 2.*exit code 3/ },
  { name: "garbage", code: "internal", permanent: false, death: true, says: /page 2.*protocol/ },
  { name: "wrong chunk", code: "internal", permanent: false, death: true, says: /page 2.*protocol/ },
  { name: "wrong page", code: "internal", permanent: false, death: true, says: /page 2.*protocol/ },
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

for (const [signal, code] of [
  ["SIGKILL", "internal"],
  ["SIGSEGV", "too_complex"],
  ["SIGSTOP", "extraction_timeout"],
] as const) {
  test(`${signal} of a child in the middle of a document is a typed fault within seconds`, async () => {
    const events = pool.extract(documentNamed("wait"), { signal: never, lane: "fast" });
    const error = await failure(events, (page) => process.kill(Number(page.text), signal));
    assert.ok(error instanceof ExtractionFault, String(error));
    assert.deepEqual(
      { code: error.code, permanent: error.permanent, death: error.death },
      { code, permanent: false, death: true },
    );
  });
}

test("aborting ends the child and throws trouble, not a fault", async () => {
  const abort = new AbortController();
  let pid = 0;
  const error = await failure(pool.extract(documentNamed("spin"), { signal: abort.signal, lane: "fast" }), (page) => {
    pid = Number(page.text);
    abort.abort();
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  assert.ok(await hasEnded(pid));
});

test("leaving the loop early ends the child and frees its place", async () => {
  for (let round = 0; round < 4; round++) {
    let pid = 0;
    for await (const event of pool.extract(documentNamed("spin"), { signal: never, lane: "fast" })) {
      if (event.kind === "page") pid = Number(event.page.text);
      break;
    }
    assert.ok(await hasEnded(pid));
  }
});

test("a consumer that takes its time holds the child back, and costs the document none of its own time", async () => {
  let pages = 0;
  let pid = 0;
  let readBytes = 0;
  for await (const event of pool.extract(documentNamed("flood"), { signal: never, lane: "fast" })) {
    if (event.kind !== "page") continue;
    if (event.page.page === 1) pid = Number(event.page.text);
    pages += 1;
    readBytes += event.page.text.length;
    if (pages === 5) await new Promise((resolve) => setTimeout(resolve, limits.wallMs + 500));
    if (pages === 10) break;
  }
  assert.ok(isAlive(pid) || (await hasEnded(pid)));
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

/** One fast place, and time for a document to be long. */
function patientPool(): Promise<Extractor> {
  return createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
    limits: { ...DOCUMENT_LIMITS, wallMs: 4000 },
  });
}

test("a long document moves to the slow lane and frees its place", async () => {
  const narrow = await patientPool();
  try {
    let slowed = 0;
    let nice = "";
    const long = failure(
      narrow.extract(documentNamed("wait"), { signal: never, lane: "fast", onSlow: () => slowed++ }),
      (page) => {
        nice = `/proc/${page.text}/stat`;
      },
    );
    // Waits for the only place, which the long document leaves after limits.fastLaneMaxMs.
    await readAll(narrow.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
    assert.equal(slowed, 1);
    const stat = readFileSync(nice, "latin1");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16], "19");
    assert.ok((await long) instanceof ExtractionFault);
  } finally {
    await narrow.close();
  }
});

test("the slow lane has as many places as the machine has cores", async () => {
  const abort = new AbortController();
  const running: Promise<unknown>[] = [];
  let started = 0;
  for (let index = 0; index < availableParallelism() + 1; index++) {
    running.push(
      failure(pool.extract(documentNamed("wait"), { signal: abort.signal, lane: "slow" }), () => {
        started += 1;
        if (started === availableParallelism()) abort.abort();
      }),
    );
  }
  await Promise.all(running);
  assert.equal(started, availableParallelism());
});

test("when the slow lane is full, a long document gives its fast place up, and nothing is its fault", async () => {
  const patient = await patientPool();
  const abort = new AbortController();
  const slow = Array.from({ length: availableParallelism() }, () =>
    failure(patient.extract(documentNamed("wait"), { signal: abort.signal, lane: "slow" })),
  );
  try {
    const error = await failure(patient.extract(documentNamed("wait"), { signal: never, lane: "fast" }));
    assert.ok(error instanceof TooLongForFastLane, String(error));
  } finally {
    abort.abort();
    await Promise.all(slow);
    await patient.close();
  }
});

test("a document that must end while its original is still being read to the end is not taken for read", async () => {
  const patient = await patientPool();
  const abort = new AbortController();
  const slow = Array.from({ length: availableParallelism() }, () =>
    failure(patient.extract(documentNamed("wait"), { signal: abort.signal, lane: "slow" })),
  );
  const source: ExtractionSource = {
    ...documentNamed("echo", "all of it"),
    async *open() {
      yield Buffer.from("all of it");
      await new Promise((resolve) => setTimeout(resolve, LIMITS.fastLaneMaxMs + 500));
    },
  };
  try {
    const error = await failure(patient.extract(source, { signal: never, lane: "fast" }));
    assert.ok(error instanceof TooLongForFastLane, String(error));
    // Its child has been killed: the next document must not be given to it.
    await readAll(patient.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
  } finally {
    abort.abort();
    await Promise.all(slow);
    await patient.close();
  }
});

test("closing ends the children and whatever is being read", async () => {
  const closing = await createExtractionPool({
    places: 1,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
  });
  let pid = 0;
  const error = await failure(closing.extract(documentNamed("wait"), { signal: never, lane: "fast" }), (page) => {
    pid = Number(page.text);
    void closing.close();
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  assert.ok(await hasEnded(pid));
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
    const stat = readFileSync(`/proc/${page.text}/stat`, "latin1");
    process.kill(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]), "SIGKILL");
  });
  assert.ok(error instanceof ExtractorTrouble, String(error));
  await readAll(pool.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
});

test("no child outlives a server that is killed, not even one that spins", {
  skip: !existsSync("/proc/self") && "needs /proc",
}, async () => {
  const server = spawn(
    process.execPath,
    [join(import.meta.dirname, "fixtures/pool-server.ts"), "misbehaving.ts", "spin"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const pids: number[] = [];
  for await (const line of createInterface({ input: server.stdout })) {
    const { label, text }: { label: string | null; text: string } = JSON.parse(line);
    if (label === null) pids.push(Number(text));
    if (pids.length === 2) break;
  }
  assert.ok(pids.every(isAlive));
  server.kill("SIGKILL");
  await once(server, "exit");
  for (const pid of pids) assert.ok(await hasEnded(pid));
});

test("a machine on which no child starts is told so", async () => {
  const broken = createExtractionPool({ places: 1, log: createLog("silent"), entry: join(CHILDREN, "absent.ts") });
  await assert.rejects(broken, ExtractorTrouble);
});
