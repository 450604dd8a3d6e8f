import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { request } from "node:http";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { SessionId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Arrivals, ArrivedDigests, Sealing } from "./arrivals.ts";
import { cancelSession } from "./session.store.ts";
import type { Session } from "./session.ts";
import type { TestUploads } from "./test-uploads.ts";

/** What the conformance suite of arrivals asks of an adapter, and what a client of it does. */
export interface ArrivalsUnderTest {
  /** The adapter; another one after `reopen`. */
  readonly arrivals: Arrivals;
  /** Where it publishes originals. */
  readonly blobs: BlobStore;
  /** A real catalogue, which cases share. */
  readonly uploads: TestUploads;
  /** How many objects of the session lie there that are no originals. */
  leftovers(session: SessionId): Promise<number>;
  /** Turns one bit over of what has arrived, where it lies. */
  damage(session: SessionId): Promise<void>;
  /** The process ends and another one begins: what only it knew is gone. */
  reopen(): Promise<void>;
  /** The machine loses its power, and starts again: what was not durable is gone, too. */
  cutPower(): Promise<void>;
  close(): Promise<void>;
}

export interface Case {
  /** The guarantee, as a sentence. */
  readonly title: string;
  run(t: ArrivalsUnderTest): Promise<void>;
}

export const UNIT = LIMITS.uploadUnitBytes;
const NOBODY_LEAVES = new AbortController().signal;

export async function sessionOf(t: ArrivalsUnderTest, id: SessionId): Promise<Session> {
  const session = await t.uploads.stateOf(id);
  assert.ok(session !== null);
  return session;
}

export async function urlOf(t: ArrivalsUnderTest, id: SessionId): Promise<string> {
  const { url, expiresAt } = await t.arrivals.urlFor(await sessionOf(t, id));
  assert.ok(expiresAt === null || expiresAt > Date.now());
  return url;
}

export async function receivedOf(t: ArrivalsUnderTest, id: SessionId) {
  return t.arrivals.received(await sessionOf(t, id));
}

/** A whole upload in one request; resolves when it is acknowledged. */
export async function upload(t: ArrivalsUnderTest, bytes: Uint8Array): Promise<SessionId> {
  const id = await t.uploads.session(bytes.length);
  assert.equal(await put(await urlOf(t, id), bytes), 200);
  return id;
}

export interface Part {
  readonly first: number;
  readonly end: number;
}

/**
 * PUTs a part, or all of it, as clients of Google's dialect do, without credentials. The status of the answer; 0: the
 * connection was ended.
 */
export async function put(url: string, bytes: Uint8Array, part: Part = { first: 0, end: bytes.length }) {
  const { first, end } = part;
  try {
    const answer = await fetch(url, {
      method: "PUT",
      headers: { "Content-Range": `bytes ${first}-${end - 1}/${bytes.length}` },
      body: Uint8Array.from(bytes.subarray(first, end)),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** A client that has sent half of its bytes and stays connected; `ended`: its connection was ended, or answered. */
export function sendHalf(url: string, bytes: Uint8Array): { readonly ended: Promise<void>; finish(): void } {
  const half = bytes.length >> 1;
  const ended = Promise.withResolvers<void>();
  const sending = request(url, {
    method: "PUT",
    headers: { "Content-Length": bytes.length, "Content-Range": `bytes 0-${bytes.length - 1}/${bytes.length}` },
  });
  sending.on("error", () => ended.resolve());
  sending.on("close", () => ended.resolve());
  sending.on("response", (response) => {
    response.resume();
    response.on("close", () => ended.resolve());
  });
  sending.write(bytes.subarray(0, half));
  return { ended: ended.promise, finish: () => sending.end(bytes.subarray(half)) };
}

export type Sealed = Sealing & { readonly kind: "sealed" };

/** Seals as finalize does: on the row as it is, and again when it has changed. */
export async function seal(
  t: ArrivalsUnderTest,
  id: SessionId,
  check: (found: ArrivedDigests) => void = () => {},
): Promise<Exclude<Sealing, { readonly kind: "changed" }>> {
  for (let round = 0; round < 3; round++) {
    const sealing = await t.arrivals.seal(await sessionOf(t, id), { check, gone: NOBODY_LEAVES });
    if (sealing.kind !== "changed") return sealing;
  }
  throw new Error("the session changed three times");
}

export async function sealed(t: ArrivalsUnderTest, id: SessionId): Promise<Sealed> {
  const sealing = await seal(t, id);
  assert.equal(sealing.kind, "sealed");
  return sealing;
}

export async function cancel(t: ArrivalsUnderTest, id: SessionId): Promise<void> {
  const cancelled = await t.uploads.catalogue.run(cancelSession, { id, teamId: t.uploads.teamId });
  assert.equal(cancelled?.ended, true);
}

export async function originals(t: ArrivalsUnderTest): Promise<number> {
  return (await t.blobs.list("originals", null)).entries.length;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All pages, as a round of maintenance of a process that nobody is beside. */
export async function tidyAll(t: ArrivalsUnderTest, repair: boolean): Promise<{ garbage: number; tails: number }> {
  const found = { garbage: 0, tails: 0 };
  for (let after: string | null = null, more = true; more; ) {
    const page: Awaited<ReturnType<Arrivals["tidy"]>> = await t.arrivals.tidy(after, { heldMs: 0, repair });
    found.garbage += page.garbage;
    found.tails += page.tails;
    after = page.next;
    more = after !== null;
  }
  return found;
}
