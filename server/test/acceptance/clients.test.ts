import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after } from "node:test";
import { promisify } from "node:util";
import { type CreateWriteStreamOptions, IdempotencyStrategy, Storage } from "@google-cloud/storage";
import { upload as gcsResumableUpload } from "gcs-resumable-upload";
import { assertResource, assertStored, keptOf, probe, put, UNIT } from "../support/bytes.ts";
import { openCuttingProxy } from "../support/cutting-proxy.ts";
import { crc32cBase64, sha256Hex } from "../support/digests.ts";
import { numberAt, textAt } from "../support/json.ts";
import { proves } from "../support/proves.ts";
import { seededRandom } from "../support/random.ts";
import { CONFIG, openTarget } from "../support/target.ts";

/** Clients as their makers ship them, given our upload_url and nothing else. */

const { api, url } = await openTarget();
const folder = await mkdtemp(join(tmpdir(), "wharf-clients-"));
after(() => rm(folder, { recursive: true, force: true }));
const BYTES = seededRandom(CONFIG.seed).bytes(5 * UNIT + 4321);
const T = BYTES.length;
const path = join(folder, "file.bin");
await writeFile(path, BYTES);

const run = promisify(execFile);
const NO_CURL = await run("curl", ["--version"]).then(
  () => false as const,
  () => "curl is not installed",
);

const CURL: readonly (readonly [what: string, args: (uploadUrl: string) => readonly string[]])[] = [
  [
    "the documented line",
    (uploadUrl) => [
      "-X",
      "PUT",
      uploadUrl,
      "-H",
      "Content-Type: application/pdf",
      "-H",
      `Content-Range: bytes 0-${T - 1}/${T}`,
      "--data-binary",
      `@${path}`,
    ],
  ],
  ["-T file", (uploadUrl) => ["-T", path, uploadUrl]],
  ["--data-binary without a type", (uploadUrl) => ["-X", "PUT", uploadUrl, "--data-binary", `@${path}`]],
  ["HTTP/1.0", (uploadUrl) => ["--http1.0", "-T", path, uploadUrl]],
];
for (const [what, args] of CURL)
  proves(
    ["PUT-1", "P13"],
    `curl uploads with ${what}`,
    async () => {
      const session = await api.create(T);
      const { stdout } = await run("curl", ["-sS", "--fail-with-body", "--noproxy", "*", ...args(session.url)]);
      assert.equal(textAt(JSON.parse(stdout), "crc32c"), crc32cBase64(BYTES));
      await assertStored(api, session, BYTES);
    },
    { skip: NO_CURL },
  );

proves(
  ["PUT-4", "P13", "P16"],
  "curl uploads with -T - from a pipe, chunked",
  async () => {
    const session = await api.create(T);
    const running = run("curl", ["-sS", "--fail-with-body", "--noproxy", "*", "-T", "-", session.url]);
    assert.ok(running.child.stdin !== null);
    await pipeline(createReadStream(path), running.child.stdin);
    assert.equal(textAt(JSON.parse((await running).stdout), "size"), String(T));
    await assertStored(api, session, BYTES);
  },
  { skip: NO_CURL },
);

proves(
  ["PUT-15", "PUT-17", "L12"],
  "curl reads the refusal of a dead URL",
  async () => {
    const session = await api.create(T);
    const args = ["-sS", "--noproxy", "*", "-w", "%{http_code}", "-T", path, `${session.url}x`];
    assert.match((await run("curl", args)).stdout, /Not Found404$/);
  },
  { skip: NO_CURL },
);

const STORAGE: readonly (readonly [what: string, options: CreateWriteStreamOptions])[] = [
  ["as it is", {}],
  ["with a known length", { metadata: { contentLength: T } }],
  ["in chunks", { chunkSize: UNIT }],
  ["in unaligned chunks", { chunkSize: UNIT + 1000 }],
  ["in chunks with a known length", { chunkSize: 2 * UNIT, metadata: { contentLength: T } }],
  ["with validation by md5 too", { validation: true }],
];
for (const [what, options] of STORAGE)
  proves(["PUT-4", "P17", "P18", "K2"], `@google-cloud/storage uploads to a given uri ${what}`, async () => {
    const session = await api.create(T);
    await pipeline(createReadStream(path), storageStream(session.url, options));
    await assertStored(api, session, BYTES);
  });

proves(["PUT-4", "P19", "Q2"], "@google-cloud/storage goes on where another upload stopped", async () => {
  for (const chunkSize of [undefined, UNIT]) {
    const session = await api.create(T);
    assert.equal(keptOf(await put(session.url, `0-${2 * UNIT - 1}/*`, BYTES.subarray(0, 2 * UNIT))), 2 * UNIT);
    await pipeline(createReadStream(path), storageStream(session.url, chunkSize === undefined ? {} : { chunkSize }));
    await assertStored(api, session, BYTES);
  }
});

proves(["PUT-9", "A3", "P19"], "@google-cloud/storage survives a network that breaks in the middle", async () => {
  const session = await api.create(T);
  const proxy = await openCuttingProxy(url, 2 * UNIT + 5000, 1);
  try {
    await pipeline(createReadStream(path), storageStream(proxy.through(session.url), { chunkSize: 4 * UNIT }));
    assert.equal(proxy.cuts, 1);
  } finally {
    await proxy.close();
  }
  await assertStored(api, session, BYTES);
});

proves(
  ["PUT-9", "A3", "P19"],
  "@google-cloud/storage without chunks gives up at the break, and goes on when it is started again",
  async () => {
    const session = await api.create(T);
    const proxy = await openCuttingProxy(url, 2 * UNIT + 5000, 1);
    try {
      // It keeps nothing of what it sent, so it cannot go back to the last unit by itself: it does the same
      // with Google.
      await assert.rejects(pipeline(createReadStream(path), storageStream(proxy.through(session.url), {})));
    } finally {
      await proxy.close();
    }
    assert.ok(keptOf(await probe(session.url)) > 0);
    await pipeline(createReadStream(path), storageStream(session.url, {}));
    await assertStored(api, session, BYTES);
  },
);

proves(["PUT-10", "Q3"], "@google-cloud/storage given the uri of a complete upload is told so", async () => {
  const session = await api.create(T);
  assertResource(await put(session.url, null, BYTES), BYTES);
  await pipeline(createReadStream(path), storageStream(session.url, {}));
  await assertStored(api, session, BYTES);
});

proves(["PUT-4", "K2"], "gcs-resumable-upload uploads to a given uri, and goes on where it stopped", async () => {
  for (const have of [0, 2 * UNIT]) {
    const session = await api.create(T);
    if (have > 0) await put(session.url, `0-${have - 1}/*`, BYTES.subarray(0, have));
    // Its declarations extend a library that ships none: without the cast it is no stream to the compiler.
    const stream = gcsResumableUpload({
      bucket: "b",
      file: `f-${have}`,
      uri: session.url,
      apiEndpoint: url,
      configPath: join(folder, `config-${have}.json`),
    }) as unknown as NodeJS.ReadWriteStream;
    const answered = once(stream, "metadata");
    await pipeline(Readable.from([BYTES.subarray(0, 3 * UNIT), BYTES.subarray(3 * UNIT)]), stream);
    const [metadata] = await answered;
    assert.equal(numberAt(metadata, "size"), T);
    await assertStored(api, session, BYTES);
  }
});

proves(["PUT-4", "P16"], "Node's fetch with a stream uploads chunked", async () => {
  const session = await api.create(T);
  const answer = await fetch(session.url, {
    method: "PUT",
    body: Readable.toWeb(createReadStream(path)),
    duplex: "half",
  });
  assert.equal(answer.status, 200);
  await assertStored(api, session, BYTES);
});

proves(["PUT-3", "Q1"], "the file on disk was what every client sent", async () => {
  assert.equal(sha256Hex(await readFile(path)), sha256Hex(BYTES));
  assert.equal(keptOf(await probe((await api.create(T)).url)), 0);
});

function storageStream(uri: string, options: CreateWriteStreamOptions): Writable {
  const storage = new Storage({
    apiEndpoint: url,
    projectId: "p",
    retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryAlways, retryDelayMultiplier: 1.1 },
  });
  return storage
    .bucket("b")
    .file("f")
    .createWriteStream({ uri, resumable: true, ...options });
}
