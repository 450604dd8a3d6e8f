import assert from "node:assert/strict";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Api } from "../support/api.ts";
import { readTestConfig } from "../support/config.ts";
import { sha256Hex } from "../support/digests.ts";
import { http } from "../support/http.ts";
import { textAt } from "../support/json.ts";
import { seededRandom } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { NEEDS_OWN_SERVER } from "../support/target.ts";
import { eventually } from "./processes.ts";

/** One flipped bit in each of so many stored files: 12 here, 200 in the long form. */
const BLOBS = readTestConfig().long ? 200 : 12;
const LARGEST_BYTES = 700_000;

const PIECE = 256 * 1024;

interface Stored {
  readonly fileId: string;
  readonly bytes: Buffer;
  readonly path: string;
  /** Offset of the byte with the flipped bit. */
  readonly at: number;
}

let server: TestServer;
let api: Api;
const stored: Stored[] = [];

before(async () => {
  if (NEEDS_OWN_SERVER !== false) return;
  server = await TestServer.start({ WHARF_LOG_LEVEL: "fatal" });
  api = new Api(server.url, server.key);
  const random = seededRandom(readTestConfig().seed);
  const uploaded: Omit<Stored, "path">[] = [];
  for (let i = 0; i < BLOBS; i++) {
    const bytes = random.bytes(random.integer(1, LARGEST_BYTES));
    uploaded.push({ fileId: await api.upload(bytes), bytes, at: random.integer(0, bytes.length - 1) });
  }
  const root = join(server.dataDir, "blobs/originals");
  const names = await readdir(root, { recursive: true });
  for (const one of uploaded) {
    const name = names.find((known) => known.endsWith(sha256Hex(one.bytes)));
    assert.ok(name !== undefined);
    stored.push({ ...one, path: join(root, name) });
  }
});

after(() => server?.close());

test(`one flipped bit in each of ${BLOBS} stored files: no wrong byte is served, before the scrubber came by too, and it finds them all (R7)`, {
  skip: NEEDS_OWN_SERVER,
}, async () => {
  // What the server remembers of those that were downloaded while they were sound must not help them.
  for (const { fileId, bytes } of stored.filter((_, i) => i % 2 === 0))
    assert.ok((await api.content(fileId)).body.equals(bytes));
  for (const one of stored) await flip(one);

  for (const one of stored) {
    const whole = await api.content(one.fileId);
    assert.equal(textAt(whole.json, "error", "code"), "integrity_error");
    const { length } = one.bytes;
    const starts = [0, Math.max(0, one.at - 10), Math.min(length - 1, one.at + PIECE), length - 1];
    for (const start of starts) await assertNothingWrong(one, start, Math.min(length, start + 1000));
  }

  // The scrubber begins a round when the server starts.
  await server.end();
  await server.begin();
  api = new Api(server.url, server.key);
  await eventually("the scrubber has found all of them", 240_000, async () => {
    const { json } = await http(`${server.url}/readyz`);
    return textAt(json, "checks", "originals").startsWith(`${BLOBS} damaged`);
  });
  for (const one of stored) {
    await flip(one);
    assert.ok((await api.content(one.fileId)).body.equals(one.bytes), "with its bit back it is as it was");
  }
});

/** Bytes [start, end) come as they were, or not at all. */
async function assertNothingWrong({ fileId, bytes }: Stored, start: number, end: number): Promise<void> {
  const answer = await api.content(fileId, { Range: `bytes=${start}-${end - 1}` });
  if (answer.status === 206) assert.ok(answer.body.equals(bytes.subarray(start, end)));
  else assert.equal(textAt(answer.json, "error", "code"), "integrity_error");
}

async function flip({ path, at }: Stored): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.of((byte[0] ?? 0) ^ (1 << (at & 7))), 0, 1, at);
  await file.close();
}
