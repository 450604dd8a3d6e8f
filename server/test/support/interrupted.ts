import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Api, Session } from "./api.ts";
import { kept, probe, put, UNIT } from "./bytes.ts";
import { sha256Hex } from "./digests.ts";
import { textAt } from "./json.ts";
import { RawConnection } from "./raw.ts";

/** Uploads that are cut, stall or compete: what tests of them share. */

/** Sends the head of a whole-body PUT and the first `length` bytes of it. */
export async function begin(session: Session, bytes: Uint8Array, length: number, first = 0): Promise<RawConnection> {
  const connection = await RawConnection.open(session.url);
  const range = `Content-Range: bytes ${first}-${bytes.length - 1}/${bytes.length}`;
  await connection.writeHead("PUT", session.url, [range, `Content-Length: ${bytes.length - first}`]);
  if (length > 0) await connection.write(bytes.subarray(first, first + length));
  return connection;
}

/**
 * What a cut request may have left: whole units, no more than was sent, and at most one less. What lay unread in the
 * server's socket when the connection broke is gone with it: the probe says so, which is all that a client relies on.
 */
export async function keptAfterCut(session: Session, sent: number): Promise<number> {
  const most = Math.floor(sent / UNIT) * UNIT;
  const least = Math.max(0, most - UNIT);
  let have = await kept(session.url);
  // The cut is noticed and recorded within milliseconds on a quiet machine, later on a busy one.
  for (let round = 0; have < (round < 50 ? most : least) && round < 500; round++) {
    await wait(20);
    have = await kept(session.url);
  }
  assert.ok(have % UNIT === 0 && have >= least && have <= most, `${have} are kept of ${sent} that were sent`);
  return have;
}

/** Sends what is missing, whoever won so far: either content must be able to complete the object. */
export async function resumeAs(session: Session, bytes: Uint8Array) {
  const have = await kept(session.url);
  return put(session.url, `${have}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(have));
}

/** The object is one content, or a prefix of one and the rest of the other; anything else is a mixture. */
export async function assertNoMixture(of: Api, session: Session, one: Uint8Array, other: Uint8Array): Promise<void> {
  const finalized = await of.finalize(session.id);
  assert.equal(finalized.status, 201, finalized.text);
  const { body } = await of.content(textAt(finalized.json, "id"));
  const [first, rest] = body[0] === one[0] ? [one, other] : [other, one];
  let turn = 0;
  while (turn < one.length && body[turn] === first[turn]) turn += 1;
  // Contents may agree by chance around the turn, never by more than a few bytes.
  while (turn > 0 && first[turn - 1] === rest[turn - 1]) turn -= 1;
  const expected = Buffer.concat([first.subarray(0, turn), rest.subarray(turn)]);
  const whole = sha256Hex(body) === sha256Hex(first);
  assert.ok(whole || sha256Hex(body) === sha256Hex(expected), `a mixture that turns at ${turn}`);
}

/** Until the server has taken up the request: it holds the session's writer, and has read what was sent. */
export async function untilRead(session: Session, sent: number): Promise<void> {
  // Nothing on the wire says that bytes were read before they are recorded; loopback needs a few milliseconds.
  await probe(session.url);
  await wait(sent > 0 ? 150 : 50);
}
