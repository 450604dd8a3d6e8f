import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { TestServer } from "../../server/test/support/server.ts";
import { ApiError, ConnectionError } from "../src/core/errors.ts";
import { realTiming } from "../src/core/patience.ts";
import { Wharf } from "../src/node.ts";
import { type Fault, type FaultyLine, freePort, openFaultyLine } from "./lines.ts";

/** Every call goes over a line that refuses, or loses an answer, once. */
describe("on a line with faults", () => {
  let server: TestServer;
  let line: FaultyLine;
  let folder: string;
  let direct: Wharf;
  before(async () => {
    line = await openFaultyLine();
    const port = await freePort();
    server = await TestServer.start({ WHARF_PORT: String(port), WHARF_PUBLIC_URL: line.url });
    line.target = `http://127.0.0.1:${port}`;
    folder = await mkdtemp(join(tmpdir(), "wharf-client-"));
    direct = new Wharf({ baseUrl: line.target, apiKey: server.key });
  });
  after(async () => {
    await server.close();
    await line.close();
    await rm(folder, { recursive: true });
  });

  /** A client whose waits are noted and not waited. */
  function client() {
    const waits: number[] = [];
    const timing = { ...realTiming, random: () => 0, wait: async (ms: number) => void waits.push(ms) };
    return { waits, wharf: new Wharf({ baseUrl: line.url, apiKey: server.key, timing }) };
  }

  /** `fault` at the request of that number; the others pass. */
  function faultAt(number: number, fault: Fault) {
    let count = 0;
    line.fault = () => (count++ === number ? fault : null);
    return { requests: () => count };
  }

  async function assertOnce(bucket: string, contents: ReadonlyMap<string, string>): Promise<void> {
    const files = await direct.files.list({ bucket }).first(100);
    assert.deepEqual(files.map(({ filename }) => filename).sort(), [...contents.keys()].sort(), "each file, once");
    for (const { filename, sha256 } of files) assert.equal(sha256, sha256Of(contents.get(filename ?? "") ?? ""));
  }

  /** Everything that leads to one searchable file. Its requests: create, PUT, finalize, poll, search. */
  async function oneFile(wharf: Wharf, bucket: string): Promise<void> {
    const word = `tug${randomUUID().replaceAll("-", "")}`;
    const text = `The ${word} waits below the bridge.`;
    const path = join(folder, `${bucket}.txt`);
    await writeFile(path, text);
    const file = await wharf.files.upload(path, { bucket, createMissingBuckets: true });
    await wharf.files.waitUntilIndexed(file.id);
    const { results } = await wharf.search({ query: word, bucket });
    assert.deepEqual(
      results.map(({ file_id }) => file_id),
      [file.id],
    );
    await assertOnce(bucket, new Map([[`${bucket}.txt`, text]]));
  }

  async function aBatch(wharf: Wharf, bucket: string): Promise<void> {
    const contents = new Map(["a", "b", "c"].map((name) => [`${name}.txt`, `${name} of ${bucket}`]));
    const files = [...contents].map(([filename, text]) => ({ source: new Blob([text]), filename }));
    const {
      batchId,
      files: stored,
      rejected,
    } = await wharf.batches.upload(files, { bucket, createMissingBuckets: true });
    assert.deepEqual(rejected, []);
    assert.equal(stored.length, 3);
    assert.equal((await direct.batches.waitUntilDone(batchId)).status, "active");
    await assertOnce(bucket, contents);
  }

  /** One request, whatever is in the name. */
  async function oneCall(wharf: Wharf, bucket: string): Promise<void> {
    const filename = `q"uo\\te 'ü'.txt`;
    const text = `In one call, into ${bucket}.`;
    const options = { filename, bucket, createMissingBuckets: true, tags: ["a", "ü"], metadata: { year: 2026 } };
    const file = await wharf.files.uploadInOneCall(new Blob([text], { type: "text/plain" }), options);
    assert.deepEqual([file.tags, file.metadata, file.title], [["a", "ü"], { year: 2026 }, filename]);
    assert.equal((await direct.files.waitUntilIndexed(file.id)).content_type, "text/plain");
    await assertOnce(bucket, new Map([[filename, text]]));
    const again = await direct.files.uploadInOneCall(new Blob([text], { type: "text/plain" }), {
      ...options,
      createMissingBuckets: false,
    });
    assert.deepEqual([again.id, again.alreadyThere], [file.id, true]);
  }

  for (const [name, work, least] of [
    ["an upload", oneFile, 5],
    ["an upload in one call", oneCall, 1],
    ["a batch", aBatch, 5],
  ] as const)
    for (const fault of ["429", "503", "lost"] as const)
      test(`${name} with ${fault} at each of its calls ends with the same files, each once`, async () => {
        for (let number = 0, isOver = false; !isOver; number++) {
          const { requests } = faultAt(number, fault);
          const { wharf, waits } = client();
          await work(wharf, `${name.replaceAll(" ", "-")}-${fault}-${number}`);
          line.fault = () => null;
          isOver = requests() <= number;
          assert.ok(isOver ? number >= least : waits.length >= 1, `call ${number} of ${requests()}`);
          if (!isOver && fault !== "lost") assert.ok(waits.includes(1000), "Retry-After is obeyed");
        }
      });

  test("what an upload in one call made and somebody deleted is made again by the next one", async () => {
    const upload = () =>
      direct.files.uploadInOneCall(new Blob(["Deleted twice."]), {
        filename: "twice.txt",
        bucket: "twice",
        createMissingBuckets: true,
      });
    const first = await upload();
    await direct.files.delete(first.id);
    const second = await upload();
    assert.notEqual(second.id, first.id);
    await direct.files.delete(second.id);
    assert.ok(![first.id, second.id].includes((await upload()).id));
    await assert.rejects(direct.files.uploadInOneCall(new Blob([]), { filename: "e", bucket: "twice" }), {
      code: "invalid_size",
    });
  });

  test("a file that changes during a batch is not kept half as it was, and the next call sends it as it is", async () => {
    const path = join(folder, "changing.txt");
    const [before, now] = ["before ", "now it "].map((words) => words.repeat(60_000));
    assert.ok(before !== undefined && now !== undefined);
    await writeFile(path, before);
    line.fault = ({ url }) => {
      if (url?.endsWith("/upload-session")) writeFileSync(path, now);
      return null;
    };
    const { wharf } = client();
    const upload = () => wharf.batches.upload([{ source: path }], { bucket: "changing", createMissingBuckets: true });
    await assert.rejects(upload(), { code: "file_changed" });
    await assertOnce("changing", new Map());
    line.fault = () => null;
    assert.equal((await upload()).files.length, 1);
    await assertOnce("changing", new Map([["changing.txt", now]]));
  });

  test("an answer that was lost is not asked for again: it may have been paid for", async () => {
    const asked: string[] = [];
    const lose = (request: IncomingMessage): Fault | null => {
      asked.push(String(request.url));
      return "lost";
    };
    line.fault = lose;
    await assert.rejects(client().wharf.answers.create({ input: "Who waits?" }), ConnectionError);
    assert.deepEqual(asked, ["/v1/responses"]);
    faultAt(0, "503");
    assert.equal((await client().wharf.answers.create({ input: "Who waits?" })).status, "completed");
    line.fault = () => null;
  });

  test("a refusal that does not pass ends with its own code once the patience is over", async () => {
    line.fault = () => "503";
    let now = 0;
    const wait = async (ms: number) => {
      now += ms;
    };
    const timing = { now: () => now, random: () => 0, wait };
    const wharf = new Wharf({ baseUrl: line.url, apiKey: server.key, retryForMs: 5000, timing });
    await assert.rejects(wharf.connection(), (error) => ApiError.is(error, "overloaded") && error.retryable);
    assert.equal(now, 5000);
    line.fault = () => null;
  });

  test("a signal ends a wait between two tries at once, with its own reason", async () => {
    const stop = new AbortController();
    line.fault = () => {
      stop.abort(new Error("enough"));
      return "503";
    };
    const wharf = new Wharf({ baseUrl: line.url, apiKey: server.key });
    await assert.rejects(wharf.connection({ signal: stop.signal }), /^Error: enough$/);
    line.fault = () => null;
  });
});

function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
