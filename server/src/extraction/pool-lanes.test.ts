import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { DOCUMENT_LIMITS } from "./budget.ts";
import {
  ExtractionFault,
  type ExtractionSource,
  type Extractor,
  ExtractorTrouble,
  TooLongForFastLane,
} from "./extractor.ts";
import { readerCalled } from "./fixtures/readers.ts";
import { documentNamed, failure, readAll } from "./fixtures/reading.ts";
import { paceOf } from "./lanes.ts";
import { createExtractionPool } from "./pool.ts";

const CHILDREN = join(import.meta.dirname, "fixtures/children");
const never = new AbortController().signal;

/** One fast place, and time for a document to be long; more than a busy machine takes for the others' starts. */
function patientPool(
  places = 1,
  wallMs = DOCUMENT_LIMITS.wallMs,
  // On a busy machine a start may seem so slow that a document may stay in the fast lane for longer than wallMs.
  pace = paceOf(LIMITS.childStartCpuMs),
): Promise<Extractor> {
  return createExtractionPool({
    places,
    log: createLog("silent"),
    entry: join(CHILDREN, "misbehaving.ts"),
    limits: { ...DOCUMENT_LIMITS, wallMs },
    pace,
  });
}

test("a long document moves to the slow lane and frees its place", async () => {
  const narrow = await patientPool();
  try {
    let slowed = 0;
    let nice = "";
    const abort = new AbortController();
    const long = failure(
      narrow.extract(documentNamed("wait"), { signal: abort.signal, lane: "fast", onSlow: () => slowed++ }),
      (page) => {
        nice = `/proc/${readerCalled(page.text)}/stat`;
      },
    );
    // Waits for the only place, which the long document leaves after limits.fastLaneMaxMs.
    await readAll(narrow.extract(documentNamed("echo"), { signal: never, lane: "fast" }));
    assert.equal(slowed, 1);
    const stat = readFileSync(nice, "latin1");
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16], "19");
    abort.abort();
    assert.ok((await long) instanceof ExtractorTrouble);
  } finally {
    await narrow.close();
  }
});

test("the slow lane has as many places as the machine has cores", async () => {
  const pool = await patientPool();
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
  await pool.close();
  assert.equal(started, availableParallelism());
});

test("long documents of one team have at most twice as many readers started as there are cores", async () => {
  const cores = availableParallelism();
  const roomy = await patientPool(2 * cores + 2, DOCUMENT_LIMITS.wallMs, { slowAfterCpuMs: 60_000, fastMaxMs: 60_000 });
  const abort = new AbortController();
  let started = 0;
  const begun = Promise.withResolvers<void>();
  const long = Array.from({ length: 2 * cores + 1 }, () =>
    failure(roomy.extract(documentNamed("wait"), { signal: abort.signal, lane: "fast" }), () => {
      started += 1;
      if (started === 2 * cores) begun.resolve();
    }),
  );
  try {
    await begun.promise;
    // There is a place, and a reader for somebody else.
    await readAll(roomy.extract(documentNamed("echo", "", "another team"), { signal: never, lane: "fast" }));
    await wait(4 * LIMITS.teamTurnMs);
    assert.equal(started, 2 * cores);
  } finally {
    abort.abort();
    await Promise.all(long);
    await roomy.close();
  }
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

test("a long document keeps a place that nobody else could want, also when the slow lane is full", async () => {
  const roomy = await patientPool(2, 4000);
  const abort = new AbortController();
  const slow = Array.from({ length: availableParallelism() }, () =>
    failure(roomy.extract(documentNamed("wait"), { signal: abort.signal, lane: "slow" })),
  );
  try {
    const error = await failure(roomy.extract(documentNamed("wait"), { signal: never, lane: "fast" }));
    // It was let go on until its time was up.
    assert.ok(error instanceof ExtractionFault, String(error));
  } finally {
    abort.abort();
    await Promise.all(slow);
    await roomy.close();
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
