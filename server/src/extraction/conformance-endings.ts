import assert from "node:assert/strict";
import { DOCUMENT_LIMITS } from "./budget.ts";
import {
  documentOf,
  type ExtractorUnderTest,
  eventsOf,
  type Guarantee,
  holding,
  openDocument,
  outcomeOf,
  readerIn,
  within,
} from "./conformance-support.ts";
import { ExtractionFault, type ExtractionSource, type Extractor, ExtractorTrouble } from "./extractor.ts";
import { hasEnded } from "./fixtures/readers.ts";
import { oneByOne } from "./fixtures/reading.ts";

const never = new AbortController().signal;
const fast = { signal: never, lane: "fast" } as const;

const LEFT_BEHIND: readonly Guarantee[] = [
  {
    title: "a document that failed is read again from its start, with an original opened once a try",
    async run({ hurried, newTeam }) {
      const team = newTeam();
      for (const name of ["fault", "exit", "echo", "echo"]) {
        const held = holding(name, team, 10);
        const outcome = await eventsOf(hurried.extract(held.document, fast)).catch((error: unknown) => error);
        if (name === "echo") assert.ok(Array.isArray(outcome), String(outcome));
        else assert.ok(outcome instanceof ExtractionFault, String(outcome));
        assert.equal(held.opened(), 1, name);
      }
    },
  },
  {
    title: "however reading ends, the original is let go, the reader that failed is gone and its place is free",
    async run(on) {
      const { hurried, newTeam, waitMs } = on;
      for (const name of ["exit", "garbage", "fault", "trap", "spin"]) {
        // More than a pipe holds: a reader that ends in the middle leaves the rest unread.
        const held = holding(name, newTeam(), 4 * 1024 * 1024);
        const { fault, events } = await outcomeOf(hurried.extract(held.document, fast));
        await held.letGo(waitMs);
        if (fault.death) assert.ok(await hasEnded(readerIn(events), waitMs), `the reader that did "${name}"`);
      }
      await bothPlacesAreFree(on);
    },
  },
  {
    title: "a consumer that leaves the loop ends the reader, lets the original go and frees the place",
    async run(on) {
      const { hurried, newTeam, waitMs } = on;
      for (let round = 0; round < 3; round++) {
        const held = holding("spin", newTeam(), 10);
        let reader = "";
        for await (const event of oneByOne(hurried.extract(held.document, fast))) {
          if (event.kind !== "page") continue;
          reader = event.page.text;
          break;
        }
        await held.letGo(waitMs);
        assert.ok(reader !== "" && (await hasEnded(reader, waitMs)));
      }
      await bothPlacesAreFree(on);
    },
  },
];

async function bothPlacesAreFree({ hurried, newTeam, waitMs }: ExtractorUnderTest): Promise<void> {
  const abort = new AbortController();
  let reading = 0;
  const bothRead = Promise.withResolvers<void>();
  const read = async () => {
    const events = hurried.extract(documentOf("wait", newTeam()), { signal: abort.signal, lane: "fast" });
    for await (const event of oneByOne(events)) if (event.kind === "page" && ++reading === 2) bothRead.resolve();
  };
  const ends = [read(), read()].map((each) => assert.rejects(each));
  await within(waitMs, bothRead.promise, "both places");
  abort.abort();
  await Promise.all(ends);
}

const CANCELLATION: readonly Guarantee[] = [
  {
    title: "what was aborted before it began opens no original, and is trouble of nobody's document",
    async run(on) {
      const { hurried, newTeam } = on;
      const held = holding("echo", newTeam(), 10);
      await isTrouble(on, hurried.extract(held.document, { signal: AbortSignal.abort(), lane: "fast" }));
      assert.equal(held.opened(), 0);
    },
  },
  {
    title: "aborting what waits for a place opens no original",
    async run(on) {
      const { open, newTeam } = on;
      const narrow = await open({ places: 1, limits: DOCUMENT_LIMITS });
      try {
        const [holder, waiter] = [new AbortController(), new AbortController()];
        const held = holding("echo", newTeam(), 10);
        const first = hold(narrow, newTeam(), holder.signal);
        await first.reading;
        const waiting = isTrouble(on, narrow.extract(held.document, { signal: waiter.signal, lane: "fast" }));
        waiter.abort();
        await waiting;
        assert.equal(held.opened(), 0);
        holder.abort();
        await first.ended;
        await eventsOf(narrow.extract(documentOf("echo", newTeam()), fast));
      } finally {
        await narrow.close();
      }
    },
  },
  {
    title: "aborting ends the reader at once, however busy it is, and is trouble of nobody's document",
    async run(on) {
      const { patient, newTeam, waitMs } = on;
      for (const busy of ["spin", "wait", "flood"]) {
        const abort = new AbortController();
        let reader = "";
        const events = patient.extract(documentOf(busy, newTeam()), { signal: abort.signal, lane: "fast" });
        await isTrouble(on, events, (name) => {
          reader = name;
          abort.abort();
        });
        assert.ok(await hasEnded(reader, waitMs), busy);
      }
    },
  },
  {
    title: "aborting while the original comes lets it go",
    async run(on) {
      const { patient, newTeam, waitMs } = on;
      const abort = new AbortController();
      const endless = holding("echo", newTeam(), 256 * 1024 * 1024);
      const reading = isTrouble(on, patient.extract(endless.document, { signal: abort.signal, lane: "fast" }));
      await within(waitMs, endless.begun, "the original to be read");
      abort.abort();
      await reading;
      await endless.letGo(waitMs);
    },
  },
  {
    title: "aborting ends a document whose original does not come, even when its reader says that it has read it",
    async run(on) {
      const { patient, newTeam } = on;
      for (const before of ["echo", "the next answer"]) {
        const team = newTeam();
        await eventsOf(patient.extract(documentOf(before, team), fast));
        const abort = new AbortController();
        const stuck = openDocument(
          "echo",
          team,
          async function* () {
            yield Buffer.from("begun");
            setTimeout(() => abort.abort(), 50);
            await new Promise(() => {});
          },
          10,
        );
        await isTrouble(on, patient.extract(stuck, { signal: abort.signal, lane: "fast" }));
      }
    },
  },
  {
    title: "an abort after the end changes nothing",
    async run({ hurried, newTeam }) {
      const abort = new AbortController();
      const team = newTeam();
      const first = await eventsOf(hurried.extract(documentOf("echo", team), { signal: abort.signal, lane: "fast" }));
      abort.abort();
      // The same reader still reads for its team.
      const second = await eventsOf(hurried.extract(documentOf("echo", team), fast));
      assert.equal(readerIn(second), readerIn(first));
    },
  },
];

/** How storage fails below an original, with 10 bytes on its record. */
const BROKEN_ORIGINALS: Readonly<Record<string, () => AsyncIterable<Uint8Array>>> = {
  "cannot be opened": () => {
    throw new Error("EACCES");
  },
  "fails before its first byte": async function* () {
    yield* [];
    throw new Error("EIO");
  },
  "fails in the middle": async function* () {
    yield Buffer.from("12345");
    throw new Error("EIO");
  },
  "fails behind its last byte": async function* () {
    yield Buffer.from("1234567890");
    throw new Error("EIO");
  },
  "is empty": async function* () {},
  "is shorter than its record": async function* () {
    yield Buffer.from("123456789");
  },
  "is longer than its record": async function* () {
    yield Buffer.from("1234567890");
    yield Buffer.from("1");
  },
};

const STORAGE: readonly Guarantee[] = Object.entries(BROKEN_ORIGINALS).map(([what, open]) => ({
  title: `an original that ${what} is trouble of the machine, and the next document is read`,
  async run(on) {
    const { hurried, newTeam } = on;
    const team = newTeam();
    const source: ExtractionSource = { ...documentOf("echo", team), sizeBytes: 10, open };
    await isTrouble(on, hurried.extract(source, fast));
    await eventsOf(hurried.extract(documentOf("echo", team), fast));
  },
}));

const CLOSING: readonly Guarantee[] = [
  {
    title: "closing ends what is read, what waits and every reader, and nothing begins after it",
    async run(on) {
      const { open, newTeam, waitMs } = on;
      const closing = await open({ places: 1, limits: DOCUMENT_LIMITS });
      const first = hold(closing, newTeam(), never);
      const reader = await first.reading;
      const waiting = isTrouble(on, closing.extract(documentOf("echo", newTeam()), fast));
      const closed = within(waitMs, closing.close(), "closing");
      const [ended] = await Promise.all([within(waitMs, first.ended, "its end"), waiting, closed]);
      assert.ok(ended instanceof ExtractorTrouble);
      assert.ok(await hasEnded(reader, waitMs));
      const late = holding("echo", newTeam(), 10);
      await isTrouble(on, closing.extract(late.document, fast));
      assert.equal(late.opened(), 0);
      await closing.close();
    },
  },
  {
    title: "what is said of the isolation is complete: only full isolation lacks nothing",
    async run({ hurried: { isolation } }) {
      assert.equal(isolation.strength === "full", isolation.missing.length === 0);
      assert.ok(isolation.strength === "none" || isolation.inForce.length > 0);
    },
  },
];

/** However reading ends: what it leaves behind, and whose doing it is. */
export const ENDINGS: readonly Guarantee[] = [...LEFT_BEHIND, ...CANCELLATION, ...STORAGE, ...CLOSING];

/** A document that keeps its place until `signal`, and how it ended. `reading` gives the name of its reader. */
function hold(extractor: Extractor, team: string, signal: AbortSignal) {
  const reading = Promise.withResolvers<string>();
  const read = async (): Promise<unknown> => {
    try {
      for await (const event of oneByOne(extractor.extract(documentOf("wait", team), { signal, lane: "fast" })))
        if (event.kind === "page") reading.resolve(event.page.text);
      return null;
    } catch (error) {
      return error;
    }
  };
  return { ended: read(), reading: reading.promise };
}

async function isTrouble(
  { waitMs }: ExtractorUnderTest,
  events: ReturnType<Extractor["extract"]>,
  onReader: (name: string) => void = () => {},
): Promise<void> {
  const error = await within(
    waitMs,
    eventsOf(events, (event) => {
      if (event.kind === "page" && event.page.page === 1) onReader(event.page.text);
    }).then(
      () => null,
      (thrown: unknown) => thrown,
    ),
    "the trouble",
  );
  assert.ok(error instanceof ExtractorTrouble, String(error));
}
