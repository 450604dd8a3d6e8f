import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import { afterEach, describe, test } from "node:test";
import { Places } from "../fairness/places.ts";
import { brandId } from "../ids.ts";
import { Downloads } from "./downloads.ts";

const CHUNK = 256 * 1024;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Content that tells how far it was read and whether it was let go. */
function content(chunks: number, failAt = Number.POSITIVE_INFINITY) {
  const seen = { read: 0, closed: false };
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (; seen.read < chunks; ) {
        if (seen.read === failAt) throw new Error("the disk is gone");
        seen.read += 1;
        yield Buffer.alloc(CHUNK, seen.read);
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, stream: read() };
}

const ignore = () => {};
const SOMEBODY = { teamId: brandId("team", "team_1"), keyId: null };

function withPlaces(total: number): Downloads {
  return new Downloads(new Places({ name: "downloads", total }));
}

describe("downloads", () => {
  test("a reader that stops reading holds one chunk, and nothing is read ahead for it", async () => {
    const downloads = withPlaces(1);
    const { seen, stream } = content(400);
    const body = await downloads.take(SOMEBODY).stream(stream, ignore);
    const response = await serve((_request, out) => body.pipe(out));
    // The sockets' buffers fill, then nothing moves any more.
    let before = -1;
    while (before !== seen.read) {
      before = seen.read;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(seen.read < 100, `${seen.read} chunks of 256 KiB were read for a reader that takes nothing`);
    assert.ok(body.readableLength <= CHUNK);
    let received = 0;
    for await (const chunk of response) received += chunk.length;
    assert.equal(received, 400 * CHUNK);
    assert.equal(downloads.running, 0);
  });

  test("a client that goes away frees the place and the content", async () => {
    const downloads = withPlaces(1);
    const { seen, stream } = content(400);
    const body = await downloads.take(SOMEBODY).stream(stream, ignore);
    const response = await serve((_request, out) => {
      body.pipe(out);
      out.on("close", () => body.destroy());
    });
    response.destroy();
    await once(body, "close");
    assert.equal(downloads.running, 0);
    assert.equal(seen.closed, true);
  });

  test("empty chunks, wherever they come, hold nothing up", async () => {
    const downloads = withPlaces(1);
    async function* sparse(): AsyncGenerator<Uint8Array> {
      for (const text of ["", "a", "", "", "b", ""]) yield Buffer.from(text);
    }
    let received = "";
    for await (const chunk of await downloads.take(SOMEBODY).stream(sparse(), ignore)) received += chunk;
    assert.equal(received, "ab");
  });

  test("an error of the first read is still an answer; a later one cuts the transfer and is told", async () => {
    const downloads = withPlaces(1);
    const place = downloads.take(SOMEBODY);
    await assert.rejects(place.stream(content(3, 0).stream, ignore), /the disk is gone/);
    place.free();

    const told: unknown[] = [];
    const body = await downloads.take(SOMEBODY).stream(content(3, 2).stream, (error) => told.push(error));
    let received = 0;
    await assert.rejects(async () => {
      for await (const chunk of body) received += chunk.length;
    }, /the disk is gone/);
    assert.equal(received, 2 * CHUNK);
    assert.equal(told.length, 1);
    assert.equal(downloads.running, 0);
  });
});

/** One request to a server that answers so; the response is not read yet. */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<IncomingMessage> {
  const server = createServer(answer ?? ignore).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: address.port }, resolve).on("error", reject);
  });
}
