import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { WharfError } from "../core/errors.ts";
import { openOnDisk } from "../node/on-disk.ts";
import { noPaths, openContent, type Source } from "./content.ts";

const BYTES = new Uint8Array(700_000).map((_, index) => index * 7);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");
const { signal } = new AbortController();

async function onDisk(t: TestContext, bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-content-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "a.bin");
  await writeFile(path, bytes);
  return path;
}

test("every source gives the same bytes, size and digest, at any place and as often as needed", async (t) => {
  const pieces = [BYTES.slice(0, 3), BYTES.slice(3, 500_000), BYTES.slice(500_000)];
  const sources: Readonly<Record<string, Source>> = {
    path: await onDisk(t, BYTES),
    blob: new Blob([BYTES]),
    file: new File([BYTES], "a.bin"),
    bytes: BYTES,
    "a web stream": new Blob([BYTES]).stream(),
    "a stream of Node": Readable.from(pieces),
  };
  for (const [name, source] of Object.entries(sources)) {
    const content = await openContent(source, openOnDisk, signal);
    assert.equal(content.sizeBytes, BYTES.length, name);
    assert.equal(content.sha256, SHA256, name);
    for (const [from, to] of [
      [0, 10],
      [262_144, 700_000],
      [0, 700_000],
    ] as const)
      assert.deepEqual(new Uint8Array(await content.read(from, to)), BYTES.slice(from, to), `${name} ${from}`);
    await content.close();
  }
});

test("text in a stream is UTF-8, whatever else a stream gives is refused, and so is what is no source at all", async () => {
  const text = await openContent(Readable.from(["grüße ", new TextEncoder().encode("12"), "34"]), noPaths, signal);
  assert.equal(new TextDecoder().decode(await text.read(0, text.sizeBytes)), "grüße 1234");
  const numbers = new ReadableStream({ start: (controller) => controller.enqueue(12) });
  const broken = Readable.from(
    (async function* () {
      yield BYTES;
      throw new Error("the disk is gone");
    })(),
  );
  const cases: readonly (readonly [source: unknown, says: RegExp])[] = [
    [Readable.from([{ a: 1 }]), /neither bytes nor text/],
    [numbers, /neither bytes nor text/],
    [broken, /failed before its end: the disk is gone/],
    ...[undefined, null, 5, {}, ["a"], new ArrayBuffer(8)].map((source) => [source, /can be uploaded/] as const),
  ];
  // @ts-expect-error: what programs without types may hand over
  const opened = (source: unknown) => openContent(source, noPaths, signal);
  for (const [source, message] of cases)
    await assert.rejects(opened(source), { name: "WharfError", code: "unreadable", message });
});

test("a stream whose writer uses its buffer again is kept as it was", async () => {
  async function* reusing() {
    const buffer = new Uint8Array(4);
    for (const value of [1, 2, 3]) yield buffer.fill(value);
  }
  const content = await openContent(reusing(), noPaths, signal);
  assert.deepEqual([...(await content.read(0, 12))], [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
});

test("a stream that says nothing more is left when the signal says so", async () => {
  const stop = new AbortController();
  const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: () => stop.abort(new Error("enough")) });
  await assert.rejects(openContent(silent, noPaths, stop.signal), /^Error: enough$/);
});

test("a file that was written to since is found out, and a small one is kept as it was", async (t) => {
  for (const [bytes, isUnchanged] of [
    [BYTES, false],
    [BYTES.slice(0, 1000), true],
  ] as const) {
    const path = await onDisk(t, bytes);
    const content = await openContent(path, openOnDisk, signal);
    assert.equal(await content.isUnchanged(), true);
    await writeFile(path, bytes.toReversed());
    assert.equal(await content.isUnchanged(), isUnchanged);
    assert.deepEqual(
      new Uint8Array(await content.read(0, 1000)),
      (isUnchanged ? bytes : bytes.toReversed()).slice(0, 1000),
    );
    await content.close();
  }
});

test("a file that became shorter is found out, and a path without a file says why", async (t) => {
  const path = await onDisk(t, BYTES);
  const content = await openContent(path, openOnDisk, signal);
  await truncate(path, 300_000);
  await assert.rejects(content.read(262_144, 700_000), { code: "file_changed" });
  await content.close();
  await assert.rejects(openContent(`${path}x`, openOnDisk, signal), { code: "unreadable", message: /ENOENT/ });
  await assert.rejects(openContent(tmpdir(), openOnDisk, signal), { code: "unreadable", message: /no regular file/ });
  await assert.rejects(openContent(path, noPaths, signal), (error) => error instanceof WharfError);
});
