import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { segmentFolder } from "../../src/blobs/fs-layout.ts";
import { brandId } from "../../src/ids.ts";
import { Api, type Session } from "../support/api.ts";
import { assertResource, assertStored, kept, probe, put, resume, UNIT } from "../support/bytes.ts";
import { begin, untilRead } from "../support/interrupted.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { type RawAnswer, RawConnection } from "../support/raw.ts";
import { CONFIG, NEEDS_OWN_SERVER, ownServer } from "../support/target.ts";

/**
 * What one upload_url, which is all that a stranger needs, can make the server keep or read: 20 refused PUTs left 499
 * MB on the disk, and one endless PUT to a finalized session was read at 460 MB a second for as long as it went on.
 */
const server = NEEDS_OWN_SERVER === false ? await ownServer() : null;
const api = new Api(server?.url ?? "http://127.0.0.1", server?.key ?? "");
const random = seededRandom(CONFIG.seed);
const BYTES = random.bytes(4 * UNIT + 100);
const T = BYTES.length;
const OTHER = random.bytes(T);
const MIB = 1024 * 1024;
const OPTIONS = { skip: NEEDS_OWN_SERVER };

/** What the session has on the disk now. */
async function storedBytes(session: Session): Promise<number> {
  assert.ok(server !== null);
  const folder = join(server.dataDir, "blobs", segmentFolder(brandId("sess", session.id)));
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${session.id}.`));
  // One that goes meanwhile has no bytes.
  const sizes = names.map((name) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Everything a refusal may be for, once bytes have come in. */
const REFUSED: Record<string, (session: Session) => Promise<{ status: number } | null>> = {
  "one byte too many": (session) =>
    put(session.url, null, [BYTES, Buffer.from("z")], { "Transfer-Encoding": "chunked" }),
  "one byte too few": (session) => put(session.url, null, [BYTES.subarray(1)], { "Transfer-Encoding": "chunked" }),
  "a part that is longer than its range": (session) =>
    put(session.url, `0-${UNIT - 1}/${T}`, [BYTES.subarray(0, UNIT), Buffer.from("z")], {
      "Transfer-Encoding": "chunked",
    }),
  "a wrong digest": (session) => put(session.url, null, BYTES, { "X-Goog-Hash": "crc32c=AAAAAA==" }),
};
for (const [what, send] of Object.entries(REFUSED))
  proves(
    ["PUT-8", "PUT-11"],
    `a PUT that is refused for ${what} leaves nothing on the disk, however often it is sent`,
    async () => {
      const session = await api.create(T);
      for (let round = 0; round < 5; round++) {
        assert.equal((await send(session))?.status, 400);
        assert.equal(await storedBytes(session), 0, `after round ${round}`);
      }
      await resume(session.url, BYTES);
      await assertStored(api, session, BYTES);
    },
    OPTIONS,
  );

proves(
  ["PUT-9", "PUT-5"],
  "a cut PUT leaves on the disk what the probe says, to the byte; so does one that was recorded before and then refused",
  async () => {
    const [cut, refused] = [await api.create(T), await api.create(T)];
    for (let round = 1; round <= 3; round++) {
      const connection = await begin(cut, BYTES, UNIT + 1000, (round - 1) * UNIT);
      await untilRead(cut, UNIT);
      connection.finish();
      await connection.readEnd();
      assert.equal(await kept(cut.url), round * UNIT);
      await eventuallyStored(cut, round * UNIT);
    }
    await resume(cut.url, BYTES);
    await assertStored(api, cut, BYTES);

    const connection = await RawConnection.open(refused.url);
    await connection.writeHead("PUT", refused.url, ["Transfer-Encoding: chunked"]);
    await connection.write(chunk(BYTES.subarray(0, 2 * UNIT + 9)));
    // A probe has what arrived recorded; the bytes may be a moment on their way.
    while ((await kept(refused.url)) < 2 * UNIT) await wait(20);
    await connection.write(chunk(BYTES));
    assert.equal((await connection.readAnswer())?.status, 400);
    assert.equal(await storedBytes(refused), 2 * UNIT);
    connection.destroy();
    await resume(refused.url, BYTES);
    await assertStored(api, refused, BYTES);
  },
  OPTIONS,
);

proves(
  ["PUT-9", "PUT-14"],
  "a probe at the instant of a cut, or beside a running upload, says what has arrived, and ends nothing",
  async () => {
    for (let round = 0; round < 10; round++) {
      const session = await api.create(T);
      const connection = await begin(session, BYTES, 2 * UNIT + 9);
      // All of it is with the server, and nothing of it is recorded.
      while ((await storedBytes(session)) < 2 * UNIT) await wait(5);
      if (round % 2 === 0) connection.destroy();
      assert.equal(await kept(session.url), 2 * UNIT);
      if (round % 2 === 0) continue;
      await connection.write(BYTES.subarray(2 * UNIT + 9));
      assert.equal((await connection.readAnswer())?.status, 200);
      connection.destroy();
    }
  },
  OPTIONS,
);

proves(
  ["PUT-14"],
  "however many requests use one URL at once, it never has more on the disk than its size and a unit",
  async () => {
    const session = await api.create(T);
    let most = 0;
    let done = false;
    const watching = (async () => {
      for (; !done; await wait(1)) most = Math.max(most, await storedBytes(session));
    })();
    // Each stops just before its end: it would complete the object.
    const connections: RawConnection[] = [];
    for (let round = 0; round < 40; round++) connections.push(await begin(session, OTHER, T - 1));
    for (let round = 0; round < 20; round++) {
      // A body whose last byte never comes, and one that is refused, in turns.
      connections.push(await begin(session, OTHER, T - 1));
      await REFUSED["one byte too many"]?.(session).catch(() => null);
    }
    for (const connection of connections) connection.destroy();
    const have = await kept(session.url);
    done = true;
    await watching;
    assert.ok(most <= T + UNIT, `${most} bytes were on the disk for one session of ${T}`);
    await eventuallyStored(session, have);
    await resume(session.url, OTHER);
    await assertStored(api, session, OTHER);
  },
  OPTIONS,
);

for (const finalized of [false, true])
  proves(
    ["PUT-10", "PUT-18", "A20"],
    `an endless PUT to a ${finalized ? "finalized" : "complete"} session is answered with the resource and ended`,
    async () => {
      const session = await api.create(T);
      await put(session.url, null, BYTES);
      if (finalized) await assertStored(api, session, BYTES);
      for (const headers of [["Transfer-Encoding: chunked"], ["Content-Length: 1099511627776"]]) {
        const { sent, answer } = await sendForEver(session.url, headers);
        assert.ok(sent < 60 * MIB, `${sent} bytes were taken`);
        assert.equal(answer?.status, 200);
        assert.equal(answer?.headers["connection"], "close");
      }
    },
    { ...OPTIONS, timeout: 60_000 },
  );

proves(
  ["PUT-10", "PUT-18"],
  "a client that repeats its whole upload slowly gets the resource on a connection that is kept",
  async () => {
    const session = await api.create(T);
    const first = await put(session.url, null, BYTES);
    const connection = await RawConnection.open(session.url);
    for (let round = 0; round < 2; round++) {
      await connection.writeHead("PUT", session.url, [`Content-Length: ${T}`]);
      for (let at = 0; at < T; at += 200_000) {
        await connection.write(BYTES.subarray(at, at + 200_000));
        await wait(20);
      }
      const answer = await connection.readAnswer();
      assert.equal(answer?.status, 200);
      assert.equal(answer?.body, first.text);
      assert.equal(connection.ended, false);
    }
    connection.destroy();
  },
  OPTIONS,
);

proves(
  ["PUT-3", "A20"],
  "a probe with an endless body is refused and ended",
  async () => {
    const session = await api.create(T);
    const headers = ["Content-Range: bytes */*", "Transfer-Encoding: chunked"];
    const { sent, answer } = await sendForEver(session.url, headers);
    assert.ok(sent < 60 * MIB, `${sent} bytes were taken`);
    assert.equal(answer?.status, 400);
    await resume(session.url, BYTES);
    assertResource(await probe(session.url), BYTES);
  },
  { ...OPTIONS, timeout: 60_000 },
);

/** What a killed server left of an upload goes soon after its next start, and is no part of it before. */
proves(
  ["PUT-9"],
  "bytes that a killed server had not recorded are gone after its next start, and the recorded ones are there",
  async () => {
    assert.ok(server !== null);
    const session = await api.create(T);
    const connection = await begin(session, BYTES, 2 * UNIT + 1000);
    while ((await kept(session.url)) < 2 * UNIT) await wait(20);
    await connection.write(BYTES.subarray(2 * UNIT + 1000, 4 * UNIT - 1));
    while ((await storedBytes(session)) <= 2 * UNIT) await wait(5);
    const old = server.url;
    await server.end("SIGKILL");
    connection.destroy();
    await server.begin();
    await eventuallyStored(session, 2 * UNIT);
    const moved = { ...session, url: session.url.replace(old, server.url) };
    assert.equal(await kept(moved.url), 2 * UNIT);
    await resume(moved.url, BYTES);
    await assertStored(new Api(server.url, server.key), moved, BYTES);
  },
  OPTIONS,
);

async function eventuallyStored(session: Session, bytes: number): Promise<void> {
  const until = performance.now() + 20_000;
  while ((await storedBytes(session)) !== bytes) {
    assert.ok(performance.now() < until, `${await storedBytes(session)} bytes are stored, not ${bytes}`);
    await wait(10);
  }
}

function chunk(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

/** Writes until the server ends the connection, and reads what it answered. */
async function sendForEver(
  url: string,
  headers: readonly string[],
): Promise<{ sent: number; answer: RawAnswer | null }> {
  const connection = await RawConnection.open(url);
  await connection.writeHead("PUT", url, headers);
  const piece = chunk(new Uint8Array(MIB));
  let sent = 0;
  const answer = connection.readAnswer(30_000).catch(() => null);
  while (sent < 400 * MIB && (await connection.write(piece))) sent += MIB;
  connection.destroy();
  return { sent, answer: await answer };
}
