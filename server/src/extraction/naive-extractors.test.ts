import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createLog } from "../log.ts";
import { type ExtractorUnderTest, type OpenExtractor, within } from "./conformance-support.ts";
import { closeUnderTest, EXTRACTOR_GUARANTEES, openUnderTest } from "./extractor.conformance.ts";
import { type ExtractionEvent, ExtractionFault, type Extractor, ExtractorTrouble } from "./extractor.ts";
import { oneByOne } from "./fixtures/reading.ts";
import { createExtractionPool } from "./pool.ts";

/** Extractors that break one rule, as anybody's might, and what of the suite must see it: words of its titles. */
interface Naive {
  readonly breaks: (real: { readonly extract: Extract }) => Extract;
  readonly seenBy: readonly string[];
  /**
   * Its documents have the product's limits: with the short ones they would end by themselves before the suite looks.
   */
  readonly patiently?: true;
}

type Extract = (...call: Parameters<Extractor["extract"]>) => AsyncIterable<ExtractionEvent>;

const NAIVE: Readonly<Record<string, Naive>> = {
  "says no type": {
    breaks: (real) => (source, options) => filtered(real.extract(source, options), ({ kind }) => kind !== "type"),
    seenBy: ["gives its type, each page"],
  },
  "warns before it has read": {
    breaks: (real) =>
      async function* (source, options) {
        const events = await collected(real.extract(source, options));
        yield* events.toSorted((a, b) => Number(b.kind === "warnings") - Number(a.kind === "warnings"));
      },
    seenBy: ["gives its type, each page"],
  },
  "gathers everything before it hands anything on": {
    breaks: (real) =>
      async function* (source, options) {
        yield* await collected(real.extract(source, options));
      },
    seenBy: ["a consumer that takes its time"],
  },
  "decodes the original piece by piece": {
    breaks: (real) => (source, options) => {
      async function* open(): AsyncGenerator<Uint8Array> {
        for await (const bytes of source.open()) yield Buffer.from(Buffer.from(bytes).toString("utf8"));
      }
      return real.extract({ ...source, open }, options);
    },
    seenBy: ["whatever the pieces in which it comes"],
  },
  "calls what a document did the machine's doing": {
    breaks: (real) => (source, options) => rethrown(real.extract(source, options), () => new ExtractorTrouble("no")),
    seenBy: ['does "fault"', 'does "exit"', 'does "spin"', "gets SIGKILL", 'says "garbage"'],
  },
  "never tries again": {
    breaks: (real) => (source, options) =>
      rethrown(real.extract(source, options), ({ code, message, death }) => {
        return new ExtractionFault(code, message, { permanent: true, death });
      }),
    seenBy: ['does "exit"', 'does "spin"', "gets SIGKILL", 'says "wrong page"'],
  },
  "takes what came before a broken protocol for the document": {
    breaks: (real) =>
      async function* (source, options) {
        try {
          yield* real.extract(source, options);
        } catch (error) {
          if (!(error instanceof ExtractionFault) || error.code !== "corrupt_file") throw error;
        }
      },
    seenBy: ['says "garbage"', 'says "wrong chunk"', 'says "warnings twice"', 'says "nothing at all"'],
  },
  "hands on a page that its reader was not allowed to say": {
    breaks: (real) =>
      async function* (source, options) {
        try {
          yield* real.extract(source, options);
        } catch (error) {
          if (error instanceof ExtractionFault)
            yield { kind: "page", page: { page: 7, label: null, text: "" } } satisfies ExtractionEvent;
          throw error;
        }
      },
    seenBy: ['says "wrong page"', 'says "a page before the type"'],
  },
  "looks at the original before it reads it": {
    breaks: (real) =>
      async function* (source, options) {
        await source.open()[Symbol.asyncIterator]().next();
        yield* real.extract(source, options);
      },
    seenBy: ["opened once a try", "aborted before it began", "waits for a place"],
  },
  "makes do with what storage gives": {
    breaks: (real) =>
      async function* (source, options) {
        const whole = await collected(source.open()).then(Buffer.concat, () => Buffer.alloc(0));
        async function* open(): AsyncGenerator<Uint8Array> {
          yield whole;
        }
        yield* real.extract({ ...source, sizeBytes: whole.length, open }, options);
      },
    seenBy: ["fails in the middle", "fails behind its last byte", "shorter than", "longer than", "cannot be opened"],
  },
  "leaves the original open": {
    breaks: (real) => (source, options) => {
      const open = (): AsyncIterable<Uint8Array> => {
        const bytes = source.open()[Symbol.asyncIterator]();
        return { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) };
      };
      return real.extract({ ...source, open }, options);
    },
    seenBy: ["aborting while the original comes"],
  },
  "reads on when its consumer has left": {
    breaks: (real) => (source, options) => {
      const events = real.extract(source, options)[Symbol.asyncIterator]();
      return { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) };
    },
    seenBy: ["a consumer that leaves the loop"],
    patiently: true,
  },
  "keeps the place of what failed": {
    breaks: (real) => {
      let free = 2;
      return async function* (source, options) {
        if (free === 0) await new Promise((resolve) => options.signal.addEventListener("abort", resolve));
        free -= 1;
        yield* real.extract(source, options);
        free += 1;
      };
    },
    seenBy: ["however reading ends"],
  },
  "hears no abort": {
    breaks: (real) => (source, options) => real.extract(source, { ...options, signal: new AbortController().signal }),
    seenBy: ["aborted before it began", "aborting ends the reader at once", "whose original does not come"],
  },
  "throws the signal's own reason": {
    breaks: (real) =>
      async function* (source, options) {
        try {
          yield* real.extract(source, options);
        } catch (error) {
          throw options.signal.aborted ? options.signal.reason : error;
        }
      },
    seenBy: ["aborted before it began", "waits for a place", "aborting ends the reader at once"],
  },
  "has readers for everybody": {
    breaks: (real) => (source, options) => real.extract({ ...source, teamId: "team_all" }, options),
    seenBy: ["two teams that read at once"],
  },
};

const skip = existsSync("/proc/self") ? false : "needs /proc";

for (const [what, { breaks, seenBy, patiently }] of Object.entries(NAIVE))
  describe(`an extractor that ${what} is seen by`, { skip }, () => {
    let real: ExtractorUnderTest;
    before(async () => {
      real = await openUnderTest(openPool, WAIT_MS);
    });
    // Also what it goes on reading.
    after(() => closeUnderTest(real));
    const broken = (extractor: Extractor): Extractor => ({
      isolation: extractor.isolation,
      extract: alone(breaks({ extract: (...call) => oneByOne(extractor.extract(...call)) })),
      close: () => extractor.close(),
    });
    for (const words of seenBy)
      test(words, async () => {
        const patient = broken(real.patient);
        const hurried = patiently ? patient : broken(real.hurried);
        const open: OpenExtractor = async (options) => broken(await openPool(options));
        const run = guarantee(words).run({ ...real, hurried, patient, open });
        await assert.rejects(within(10 * WAIT_MS, run, "the end"));
      });
  });

describe("an extractor that", { skip }, () => {
  test("does not close is seen", async () => {
    const left: Extractor[] = [];
    const real = await openUnderTest(openPool, WAIT_MS);
    const open: OpenExtractor = async (options) => {
      const pool = await openPool(options);
      left.push(pool);
      return { isolation: pool.isolation, extract: (...call) => pool.extract(...call), close: async () => {} };
    };
    const run = guarantee("closing ends what is read").run({ ...real, open });
    await assert.rejects(within(10 * WAIT_MS, run, "the end"));
    await Promise.all([closeUnderTest(real), ...left.map((pool) => pool.close())]);
  });

  test("is proud of its isolation is seen", async () => {
    const real = await openUnderTest(openPool, WAIT_MS);
    const isolation = { strength: "full", inForce: [], missing: ["everything"] } as const;
    const hurried: Extractor = {
      isolation,
      extract: (...call) => real.hurried.extract(...call),
      close: async () => {},
    };
    await assert.rejects(guarantee("only full isolation").run({ ...real, hurried }));
    await closeUnderTest(real);
  });
});

/** For what must come and does not. */
const WAIT_MS = 2000;

function openPool(options: Parameters<OpenExtractor>[0]): Promise<Extractor> {
  const entry = join(import.meta.dirname, "fixtures/children/misbehaving.ts");
  return createExtractionPool({ ...options, entry, sandbox: "off", log: createLog("silent") });
}

/** The one guarantee whose title has the words. */
function guarantee(words: string) {
  const [found, ...more] = EXTRACTOR_GUARANTEES.filter(({ title }) => title.includes(words));
  assert.ok(found !== undefined && more.length === 0, `"${words}" must be in one title`);
  return found;
}

/** Each event by itself. */
function alone(extract: Extract): Extractor["extract"] {
  return async function* (...call) {
    for await (const event of extract(...call)) yield [event];
  };
}

async function* filtered(
  events: AsyncIterable<ExtractionEvent>,
  keep: (event: ExtractionEvent) => boolean,
): AsyncGenerator<ExtractionEvent> {
  for await (const event of events) if (keep(event)) yield event;
}

async function* rethrown(
  events: AsyncIterable<ExtractionEvent>,
  as: (fault: ExtractionFault) => Error,
): AsyncGenerator<ExtractionEvent> {
  try {
    yield* events;
  } catch (error) {
    throw error instanceof ExtractionFault ? as(error) : error;
  }
}

async function collected<T>(from: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const each of from) all.push(each);
  return all;
}
