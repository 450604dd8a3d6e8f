import assert from "node:assert/strict";
import { startDeadline } from "../deadline.ts";
import type { BudgetLimits } from "./budget.ts";
import { type ExtractionEvent, ExtractionFault, type ExtractionSource, type Extractor } from "./extractor.ts";
import { documentNamed, oneByOne } from "./fixtures/reading.ts";

/** What the conformance suite runs on, what it reads, and how it waits. */

/**
 * Opens an extractor whose readers are fixtures/children/misbehaving.ts: a document's name says how its reader behaves.
 */
export type OpenExtractor = (options: { readonly places: number; readonly limits: BudgetLimits }) => Promise<Extractor>;

export interface ExtractorUnderTest {
  /** Two places, and limits that a document meets soon. */
  readonly hurried: Extractor;
  /** The product's limits: for what needs time to use up its memory. */
  readonly patient: Extractor;
  readonly open: OpenExtractor;
  /** How long to wait for what must come. */
  readonly waitMs: number;
  /** A team that nobody has read for. */
  readonly newTeam: () => string;
}

export interface Guarantee {
  readonly title: string;
  readonly run: (on: ExtractorUnderTest) => Promise<void>;
}

export function documentOf(filename: string, teamId: string, content = ""): ExtractionSource {
  return documentNamed(filename, content, teamId);
}

/** A document of `sizeBytes` whose bytes come as `content` gives them. */
export function openDocument(
  filename: string,
  teamId: string,
  content: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  sizeBytes: number,
): ExtractionSource {
  async function* open(): AsyncGenerator<Uint8Array> {
    yield* content();
  }
  return { ...documentNamed(filename, "", teamId), sizeBytes, open };
}

/** A document that knows how often it was opened, and whether it was let go as often. */
export function holding(filename: string, teamId: string, sizeBytes: number) {
  let opened = 0;
  const begun = Promise.withResolvers<void>();
  const allGone = Promise.withResolvers<void>();
  async function* open(): AsyncGenerator<Uint8Array> {
    try {
      for (let rest = sizeBytes; rest > 0; rest -= PIECE_BYTES) {
        yield Buffer.alloc(Math.min(rest, PIECE_BYTES), "x");
        begun.resolve();
      }
    } finally {
      allGone.resolve();
    }
  }
  const document: ExtractionSource = {
    ...documentNamed(filename, "", teamId),
    sizeBytes,
    open: () => {
      opened += 1;
      return open();
    },
  };
  return {
    document,
    opened: () => opened,
    /** A first piece of it has been taken. */
    begun: begun.promise,
    letGo: (withinMs: number) => within(withinMs, allGone.promise, `the original of "${filename}" to be let go`),
  };
}

const PIECE_BYTES = 64 * 1024;

export async function eventsOf(
  events: ReturnType<Extractor["extract"]>,
  onEvent: (event: ExtractionEvent) => void = () => {},
): Promise<readonly ExtractionEvent[]> {
  const all: ExtractionEvent[] = [];
  for await (const event of oneByOne(events)) {
    all.push(event);
    onEvent(event);
  }
  return all;
}

/** How a document ends that must not be read, and what had come before. */
export async function outcomeOf(
  events: ReturnType<Extractor["extract"]>,
  onReader: (name: string) => void = () => {},
): Promise<{ readonly fault: ExtractionFault; readonly events: readonly ExtractionEvent[] }> {
  const before: ExtractionEvent[] = [];
  try {
    await eventsOf(events, (event) => {
      before.push(event);
      if (event.kind === "page" && event.page.page === 1) onReader(event.page.text);
    });
  } catch (error) {
    assert.ok(error instanceof ExtractionFault, String(error));
    return { fault: error, events: before };
  }
  throw new assert.AssertionError({ message: "the document was read" });
}

/** The name of the reader: the text of the first page (fixtures/children/misbehaving.ts). */
export function readerIn(events: readonly ExtractionEvent[]): string {
  for (const event of events) if (event.kind === "page") return event.page.text;
  throw new assert.AssertionError({ message: "no reader said its name" });
}

/** What never comes fails the test that waits for it, and not the whole run. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const stop = startDeadline(ms, () => late.reject(new assert.AssertionError({ message: `waited for ${what}` })));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    stop();
  }
}
