import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type JsonObject, numberIn, objectIn, objectsIn, parseObject, textIn } from "../client/json.ts";
import { EXIT } from "../exit-codes.ts";
import { type Relay, run, startRelay, startTestServer, type TestServer, temporaryFolder } from "../test-support.ts";

const UNIT = 256 * 1024;
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

describe("wharf upload", () => {
  let server: TestServer;
  let relay: Relay;
  before(async () => {
    // Bytes go through the relay, everything else goes straight to the server.
    relay = await startRelay();
    server = await startTestServer(relay.url);
    relay.target = server.url;
  });
  after(async () => {
    await relay.close();
    await server.stop();
  });

  /** Text with one word in it that no other test has, so that a search would find this file alone. */
  async function textFile(folder: string, name: string, sizeBytes = 2000): Promise<{ path: string; sha256: string }> {
    const word = randomBytes(8).toString("hex");
    const line = `The pilot ${word} boards before the harbour.\n`;
    const text = line.repeat(Math.ceil(sizeBytes / line.length)).slice(0, sizeBytes);
    const path = join(folder, name);
    await writeFile(path, text);
    return { path, sha256: createHash("sha256").update(text).digest("hex") };
  }

  async function upload(argv: readonly string[]) {
    const done = await run(
      ["upload", ...argv, "--bucket", "harbour", "--create-missing-buckets", "--json"],
      server.env,
    );
    const files = objectsIn(done.json, "files");
    return { ...done, files, only: files[0] ?? null };
  }

  async function storedSha256(file: JsonObject | null): Promise<string> {
    const answer = await fetch(`${server.env["WHARF_URL"]}/v1/knowledge/files/${textIn(file, "file_id")}/content`, {
      headers: { Authorization: `Bearer ${server.key}` },
    });
    assert.equal(answer.status, 200);
    return createHash("sha256")
      .update(new Uint8Array(await answer.arrayBuffer()))
      .digest("hex");
  }

  /** Resolves when the server has recorded what came before the cut: until then a probe may still say "nothing". */
  async function recorded(sizeBytes: number): Promise<void> {
    const headers = { "Content-Range": `bytes */${sizeBytes}` };
    for (let range: string | null = null; range === null; ) {
      const answer = await fetch(server.url + relay.uploadPath(), { method: "PUT", headers, body: "" });
      assert.equal(answer.status, 308);
      range = answer.headers.get("Range");
    }
  }

  test("one file is uploaded, waited for and reported with every field", async (t) => {
    const { path, sha256 } = await textFile(await temporaryFolder(t), "note.txt");
    const done = await upload([path, "--wait", "--title", "A note", "--tag", "t1", "--metadata", '{"a":1}']);
    assert.equal(done.exitCode, EXIT.ok);
    assert.equal(done.stderr, "");
    assert.equal(done.json?.["ok"], true);
    assert.partialDeepStrictEqual(done.only, {
      path,
      filename: "note.txt",
      status: "indexed",
      size_bytes: 2000,
      sha256,
      already_there: false,
      resumed_at: 0,
      timed_out: false,
      error: null,
    });
    const status = await run(["status", textIn(done.only, "file_id") ?? "", "--json"], server.env);
    assert.partialDeepStrictEqual(objectsIn(status.json, "files")[0], {
      title: "A note",
      tags: ["t1"],
      metadata: { a: 1 },
      bucketSyncStatus: "active",
    });
  });

  test("running it again makes no second file, with or without --create-missing-buckets (IDE-6)", async (t) => {
    const { path } = await textFile(await temporaryFolder(t), "again.txt");
    const first = await upload([path, "--wait"]);
    const second = await upload([path, "--wait"]);
    assert.equal(textIn(second.only, "file_id"), textIn(first.only, "file_id"));
    assert.equal(second.only?.["already_there"], true);
    const third = await run(["upload", path, "--bucket", "harbour", "--json"], server.env);
    assert.equal(textIn(objectsIn(third.json, "files")[0] ?? null, "file_id"), textIn(first.only, "file_id"));
  });

  test("a file that was deleted is uploaded afresh, and that is repeatable too", async (t) => {
    const { path } = await textFile(await temporaryFolder(t), "deleted.txt");
    const first = await upload([path, "--wait"]);
    const id = textIn(first.only, "file_id") ?? "";
    assert.equal((await run(["files", "delete", id], server.env)).exitCode, EXIT.ok);
    const second = await upload([path, "--wait"]);
    assert.equal(textIn(second.only, "status"), "indexed");
    assert.notEqual(textIn(second.only, "file_id"), id);
    assert.equal(textIn((await upload([path])).only, "file_id"), textIn(second.only, "file_id"));
  });

  test("a folder is walked, without hidden files and links, and one bad file does not stop the rest (exit 3)", async (t) => {
    const folder = await temporaryFolder(t);
    await mkdir(join(folder, "deep", "er"), { recursive: true });
    for (const name of ["a.txt", "b.txt", "c.txt", "d.txt", "deep/er/f.txt", ".hidden.txt"])
      await textFile(folder, name);
    await writeFile(join(folder, "empty.txt"), "");
    await symlink(folder, join(folder, "deep", "ring"));
    const done = await upload([folder]);
    assert.equal(done.exitCode, EXIT.someFailed);
    assert.equal(done.json?.["ok"], false);
    assert.deepEqual(
      done.files.map((file) => [textIn(file, "filename"), textIn(objectIn(file, "error"), "code")]),
      [
        ["a.txt", null],
        ["b.txt", null],
        ["c.txt", null],
        ["d.txt", null],
        ["deep/er/f.txt", null],
        ["empty.txt", "empty_file"],
      ],
    );
    const plain = await run(["upload", folder, "--bucket", "harbour"], server.env);
    assert.match(plain.stdout, /^deep\/er\/f\.txt +\w+ +file_\w+$/m);
    assert.match(plain.stdout, /^empty\.txt +not uploaded +The file is empty\.$/m);
    assert.match(plain.stdout, /^6 files: /m);
  });

  test("what was uploaded alone is found in a folder, and what a folder brought is found when others stand beside it", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["a.txt", "b.txt", "c.txt"]) await textFile(folder, name);
    const alone = await upload([join(folder, "b.txt")]);
    const first = await upload([folder, "--wait"]);
    assert.equal(first.exitCode, EXIT.ok);
    assert.equal(textIn(first.files[1] ?? null, "file_id"), textIn(alone.only, "file_id"));
    await textFile(folder, "0.txt");
    await run(["files", "delete", textIn(first.files[2] ?? null, "file_id") ?? ""], server.env);
    const again = await upload([folder, "--wait"]);
    assert.equal(again.exitCode, EXIT.ok);
    const [zero, a, b, c] = again.files;
    assert.deepEqual(
      [zero, a, b, c].map((file) => file?.["already_there"]),
      [false, true, true, false],
    );
    assert.deepEqual(
      [a, b].map((file) => textIn(file ?? null, "file_id")),
      first.files.slice(0, 2).map((file) => textIn(file, "file_id")),
    );
    assert.notEqual(textIn(c ?? null, "file_id"), textIn(first.files[2] ?? null, "file_id"));
  });

  test("a file that cannot be indexed ends with 3 and says why", async (t) => {
    const path = join(await temporaryFolder(t), "program.bin");
    await writeFile(path, Buffer.concat([Buffer.from("\x7fELF"), randomBytes(2000)]));
    const done = await upload([path, "--wait"]);
    assert.equal(done.exitCode, EXIT.someFailed);
    assert.equal(textIn(objectIn(done.only, "error"), "code"), "unsupported_file_type");
    // Asking again is the wish to try again; it ends in the same way.
    assert.equal((await upload([path, "--wait"])).exitCode, EXIT.someFailed);
  });

  test("an unknown bucket is named, with the way out", async (t) => {
    const { path } = await textFile(await temporaryFolder(t), "lost.txt");
    const done = await run(["upload", path, "--bucket", "no-such", "--json"], server.env);
    assert.equal(done.exitCode, EXIT.someFailed);
    const error = objectIn(objectsIn(done.json, "files")[0] ?? null, "error");
    assert.equal(textIn(error, "code"), "bucket_assignment_failed");
    assert.match(textIn(error, "message") ?? "", /no-such.*--create-missing-buckets/);
  });

  test("a bucket that can be no slug is not answered with a flag that was given", async (t) => {
    const { path } = await textFile(await temporaryFolder(t), "cafe.txt");
    const done = await run(["upload", path, "--bucket", "café", "--create-missing-buckets"], server.env);
    assert.equal(done.exitCode, EXIT.someFailed);
    assert.match(done.stdout, /"café" can be no bucket's slug: it must have 1 to 63 of a-z, 0-9 and -/);
    assert.doesNotMatch(done.stdout, /create-missing/);
    const searched = await run(["search", "x", "--bucket", "no-such"], server.env);
    assert.match(searched.stderr, /archived: no-such\. Correct them/);
  });

  test("--wait that runs out of time ends with 4, the file being safe", async (t) => {
    const { path, sha256 } = await textFile(await temporaryFolder(t), "slow.txt", 1_000_000);
    const done = await upload([path, "--wait", "--timeout", "0"]);
    assert.equal(done.exitCode, EXIT.timedOut);
    assert.equal(done.only?.["timed_out"], true);
    assert.equal(await storedSha256(done.only), sha256);
  });

  test("one content under one name is one file, whether the disk spells the name in NFC or NFD (IDE-6)", async (t) => {
    const folder = await temporaryFolder(t);
    const spellings = ["NFC", "NFD"] as const;
    const ids = new Set<string | null>();
    for (const form of spellings) {
      const path = join(folder, form, "Grüße".normalize(form), "über.txt".normalize(form));
      await mkdir(join(path, ".."), { recursive: true });
      await writeFile(path, "Tugs wait below the bridge.\n");
      for (const argument of [join(folder, form), path]) {
        const { only } = await upload([argument]);
        const filename = argument === path ? "über.txt" : "Grüße/über.txt";
        assert.equal(textIn(only, "filename"), filename.normalize("NFC"));
        ids.add(textIn(only, "file_id"));
      }
    }
    assert.equal(ids.size, 2, "one for each of the two names");
  });

  test("- is stdin, under the name that --filename gives it, and again the same file", async () => {
    const bytes = Buffer.from("What a program writes, line by line.\n".repeat(40_000));
    const pipe = (...more: string[]) =>
      run(["upload", "-", "--bucket", "harbour", "--json", ...more], server.env, undefined, Readable.from([bytes]));
    const first = await pipe("--filename", "log.txt", "--create-missing-buckets", "--wait");
    assert.equal(first.exitCode, EXIT.ok);
    const [only = null] = objectsIn(first.json, "files");
    assert.partialDeepStrictEqual(only, {
      path: "-",
      filename: "log.txt",
      status: "indexed",
      size_bytes: bytes.length,
    });
    assert.equal(await storedSha256(only), createHash("sha256").update(bytes).digest("hex"));
    const [second = null] = objectsIn((await pipe("--filename", "log.txt")).json, "files");
    assert.equal(textIn(second, "file_id"), textIn(only, "file_id"));
    const [unnamed = null] = objectsIn((await pipe()).json, "files");
    assert.equal(textIn(unnamed, "filename"), "stdin");
  });

  test("a stdin that says nothing is left by a signal, and an empty one is an empty file", async () => {
    const stop = new AbortController();
    const silent = new Readable({ read: () => setImmediate(() => stop.abort()) });
    const argv = ["upload", "-", "--bucket", "harbour"];
    assert.equal((await run(argv, server.env, stop.signal, silent)).exitCode, EXIT.interrupted);
    assert.match((await run(argv, server.env)).stdout, /The file is empty/);
  });

  test("a folder on stdin is called one, and not an empty file", async () => {
    const argv = [MAIN, "upload", "-", "--bucket", "harbour", "--json"];
    const folder = await open(tmpdir());
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, ...server.env },
      stdio: [folder.fd, "pipe", "inherit"],
    });
    assert.ok(child.stdout);
    const [said, [exitCode]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    await folder.close();
    assert.equal(exitCode, EXIT.usage);
    assert.match(textIn(objectIn(parseObject(said), "error"), "message") ?? "", /stdin is a folder/);
  });

  test("a line that is cut in the middle is survived within one run (PUT-9)", async (t) => {
    const { path, sha256 } = await textFile(await temporaryFolder(t), "cut.txt", 3_000_000);
    relay.fault = { at: relay.passed() + 1_500_000, kind: "cut" };
    const before = relay.passed();
    const done = await upload([path]);
    assert.equal(done.exitCode, EXIT.ok);
    assert.equal(relay.fault, null, "the connection was cut");
    assert.ok(relay.passed() - before < 2 * 3_000_000, "what was kept is not sent again");
    assert.equal(await storedSha256(done.only), sha256);
  });

  test("an upload that was killed goes on where it was when the command is run again", async (t) => {
    const { path, sha256 } = await textFile(await temporaryFolder(t), "killed.txt", 5_000_000);
    relay.fault = { at: relay.passed() + 2_000_000, kind: "hold" };
    const reached = relay.reached(relay.passed() + 2_000_000);
    const argv = [MAIN, "upload", path, "--bucket", "harbour", "--create-missing-buckets"];
    const child = spawn(process.execPath, argv, { env: server.env, stdio: "ignore" });
    await reached;
    child.kill("SIGKILL");
    await once(child, "exit");
    relay.fault = null;
    await recorded(5_000_000);

    const done = await upload([path, "--wait"]);
    assert.equal(done.exitCode, EXIT.ok);
    const resumedAt = numberIn(done.only, "resumed_at") ?? 0;
    assert.ok(resumedAt >= UNIT && resumedAt < 5_000_000, `resumed at ${resumedAt}`);
    assert.equal(resumedAt % UNIT, 0);
    assert.equal(await storedSha256(done.only), sha256);
  });

  test("SIGINT ends it at once with 130", async (t) => {
    const { path } = await textFile(await temporaryFolder(t), "stopped.txt", 1_000_000);
    const base = relay.passed();
    relay.fault = { at: base + 300_000, kind: "hold" };
    const stop = new AbortController();
    const running = run(["upload", path, "--bucket", "harbour", "--create-missing-buckets"], server.env, stop.signal);
    await relay.reached(base + 300_000);
    stop.abort();
    const done = await running;
    relay.fault = null;
    assert.equal(done.exitCode, EXIT.interrupted);
    assert.match(done.stderr, /the same command goes on/);
  });
});
