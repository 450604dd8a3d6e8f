import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FILE_WARNINGS } from "../errors.ts";
import { type BudgetLimits, DOCUMENT_LIMITS } from "./budget.ts";
import { type Fate, FROM_OUTSIDE, HOSTILE_ANSWERS, UNFINISHED_ANSWERS } from "./conformance-answers.ts";
import { ENDINGS } from "./conformance-endings.ts";
import {
  documentOf,
  type ExtractorUnderTest,
  eventsOf,
  type Guarantee,
  type OpenExtractor,
  openDocument,
  outcomeOf,
} from "./conformance-support.ts";
import { ExtractionFault } from "./extractor.ts";
import { readerCalled } from "./fixtures/readers.ts";
import { oneByOne } from "./fixtures/reading.ts";

const HURRIED: BudgetLimits = { rssBytes: 300 * 1024 * 1024, cpuMs: 600, wallMs: 1500, stoppedMs: 400 };

/** Every adapter runs all of it. `skip`: why the machine cannot run this one, or false. */
export function describeExtractor(name: string, open: OpenExtractor, skip: string | false): void {
  describe(`extractor: ${name}`, { skip }, () => {
    let on: ExtractorUnderTest;
    before(async () => {
      on = await openUnderTest(open);
    });
    after(() => closeUnderTest(on));
    for (const { title, run } of EXTRACTOR_GUARANTEES) test(title, () => run(on));
  });
}

/** The wait is for a machine that does other things. */
export async function openUnderTest(open: OpenExtractor, waitMs = 60_000): Promise<ExtractorUnderTest> {
  let teams = 0;
  return {
    hurried: await open({ places: 2, limits: HURRIED }),
    patient: await open({ places: 2, limits: DOCUMENT_LIMITS }),
    open,
    waitMs,
    newTeam: () => `team_${1000 + teams++}`,
  };
}

export async function closeUnderTest({ hurried, patient }: ExtractorUnderTest): Promise<void> {
  await Promise.all([hurried.close(), patient.close()]);
}

const never = new AbortController().signal;
const fast = { signal: never, lane: "fast" } as const;

const ORDER: readonly Guarantee[] = [
  {
    title: "a document gives its type, each page with its chunks behind it, how far it is, and at last its warnings",
    async run({ hurried, newTeam }) {
      const events = await eventsOf(hurried.extract(documentOf("whole", newTeam()), fast));
      const [type, first, chunk, ...rest] = events;
      assert.deepEqual(type, { kind: "type", detected: "text/plain", titleTokens: "title" });
      assert.ok(first?.kind === "page" && chunk?.kind === "chunks");
      const { text } = first.page;
      assert.deepEqual(first.page, { page: 1, label: null, text });
      assert.deepEqual(chunk.chunks, [{ page: 1, charStart: 0, charEnd: 6, text: text.slice(0, 6), tokens: "reader" }]);
      const message = `${FILE_WARNINGS.part_skipped} (hidden sheets)`;
      assert.deepEqual(rest, [
        { kind: "progress", done: 1, total: 2 },
        { kind: "page", page: { page: 2, label: "two", text: "0123456789" } },
        {
          kind: "chunks",
          chunks: [
            { page: 2, charStart: 0, charEnd: 6, text: "012345", tokens: "a b" },
            { page: 2, charStart: 5, charEnd: 10, text: "56789", tokens: "c" },
          ],
        },
        { kind: "progress", done: 2, total: 2 },
        { kind: "warnings", warnings: [{ code: "part_skipped", message, pages: [2] }] },
      ]);
    },
  },
  {
    title: "what the original holds is what its reader reads, whatever the pieces in which it comes",
    async run({ hurried, newTeam }) {
      const text = `Grüße 😀 ${"0123456789".repeat(50_000)} end`;
      const whole = Buffer.from(text);
      for (const pieceBytes of [3, 65_536, whole.length]) {
        const document = openDocument(
          "echo",
          newTeam(),
          function* () {
            const first = whole.subarray(0, 20);
            for (let at = 0; at < first.length; at += pieceBytes)
              yield first.subarray(at, Math.min(at + pieceBytes, 20));
            for (let at = 20; at < whole.length; at += 65_536) yield whole.subarray(at, at + 65_536);
          },
          whole.length,
        );
        const read = (await eventsOf(hurried.extract(document, fast))).findLast(({ kind }) => kind === "page");
        assert.ok(read?.kind === "page" && read.page.text === text, `in pieces of ${pieceBytes} bytes`);
      }
    },
  },
  {
    title: "a document of no bytes is read like any other",
    async run({ hurried, newTeam }) {
      const events = await eventsOf(hurried.extract(documentOf("echo", newTeam()), fast));
      assert.deepEqual(events.at(-1), { kind: "page", page: { page: 2, label: "echo", text: "" } });
    },
  },
  {
    title: "a consumer that takes its time holds the reader back, and costs the document none of its own time",
    async run({ hurried, newTeam }) {
      let pages = 0;
      for await (const event of oneByOne(hurried.extract(documentOf("flood", newTeam()), fast))) {
        if (event.kind !== "page") continue;
        pages += 1;
        assert.equal(event.page.page, pages);
        if (pages === 5) await new Promise((resolve) => setTimeout(resolve, HURRIED.wallMs + 500));
        if (pages === 10) break;
      }
      assert.equal(pages, 10);
    },
  },
  {
    title: "an original that takes its time costs the document none of its own",
    async run({ hurried, newTeam }) {
      const slow = openDocument(
        "echo",
        newTeam(),
        async function* () {
          yield Buffer.from("slow");
          await new Promise((resolve) => setTimeout(resolve, HURRIED.wallMs + 500));
          yield Buffer.from(" disk");
        },
        9,
      );
      const read = (await eventsOf(hurried.extract(slow, fast))).findLast(({ kind }) => kind === "page");
      assert.ok(read?.kind === "page" && read.page.text === "slow disk");
    },
  },
];

const OUTCOMES: readonly Guarantee[] = [
  ...Object.entries(UNFINISHED_ANSWERS).map(([name, fate]) => ending(`does "${name}"`, name, fate, () => {})),
  ...(["SIGKILL", "SIGSTOP"] as const).map((signal) =>
    ending(`gets ${signal}`, "wait", FROM_OUTSIDE[signal], (reader) => process.kill(reader, signal)),
  ),
];

/** `act`: told the reader's process when its document is in the middle. */
function ending(what: string, name: string, fate: Fate, act: (reader: number) => void): Guarantee {
  const { code, permanent, death, says } = fate;
  const again = permanent ? "permanent" : "to be tried again";
  return {
    title: `a reader that ${what} gives ${code}, ${again}, and the team's next document is read`,
    async run({ hurried, patient, newTeam }) {
      const used = code === "extraction_memory" ? patient : hurried;
      const team = newTeam();
      const { fault } = await outcomeOf(used.extract(documentOf(name, team), fast), (page) => {
        const reader = readerCalled(page);
        if (reader !== null) act(reader);
      });
      assert.deepEqual(
        { code: fault.code, permanent: fault.permanent, death: fault.death },
        { code, permanent, death },
      );
      assert.match(fault.message, says);
      await eventsOf(used.extract(documentOf("echo", team), fast));
    },
  };
}

const BOUNDS: readonly Guarantee[] = Object.entries(HOSTILE_ANSWERS).map(([name, { handedOn }]) => ({
  title: `a reader that says "${name}" has damaged its document, and nothing of that is handed on`,
  async run({ patient, newTeam }) {
    const team = newTeam();
    const { fault, events } = await outcomeOf(patient.extract(documentOf(name, team), fast));
    assert.deepEqual([fault.code, fault.permanent, fault.death], ["corrupt_file", false, true]);
    assert.match(fault.message, /protocol/);
    assert.deepEqual(
      events.map(({ kind }) => kind),
      handedOn,
    );
    await eventsOf(patient.extract(documentOf("echo", team), fast));
  },
}));

const TEAMS: readonly Guarantee[] = [
  {
    title: "two teams that read at once get each their own documents, out of readers of their own",
    async run({ hurried, newTeam }) {
      const teams = [newTeam(), newTeam()];
      const documents = Array.from({ length: 6 }, (_, n) => teams.map((team) => ({ team, text: `${team} no. ${n}` })));
      const read = await Promise.all(
        documents.flat().map(async ({ team, text }) => {
          const events = await eventsOf(hurried.extract(documentOf("echo", team, text), fast));
          const pages = events.flatMap((event) => (event.kind === "page" ? [event.page.text] : []));
          assert.equal(pages[1], text);
          return { team, reader: pages[0] };
        }),
      );
      const readersOf = (team: string | undefined) =>
        new Set(read.filter((each) => each.team === team).map(({ reader }) => reader));
      const [ours, theirs] = [readersOf(teams[0]), readersOf(teams[1])];
      for (const reader of ours) assert.ok(!theirs.has(reader), "a reader has seen documents of two teams");
    },
  },
  {
    title: "whatever one team's readers do, another team's documents beside them are read",
    async run({ hurried, newTeam }) {
      const [loud, quiet] = [newTeam(), newTeam()];
      const attacks = ["spin", "exit", "garbage", "wait", "abort", "flood"].map((name) =>
        assert.rejects(eventsOf(hurried.extract(documentOf(name, loud), fast)), ExtractionFault),
      );
      for (let n = 0; n < 6; n++) {
        const events = await eventsOf(hurried.extract(documentOf("echo", quiet, `no. ${n}`), fast));
        assert.deepEqual(events.at(-2), { kind: "page", page: { page: 2, label: "echo", text: `no. ${n}` } });
      }
      await Promise.all(attacks);
    },
  },
];

export const EXTRACTOR_GUARANTEES: readonly Guarantee[] = [...ORDER, ...OUTCOMES, ...BOUNDS, ...TEAMS, ...ENDINGS];
