import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { openDatabase } from "./open-database.ts";
import {
  copyLog,
  isLogLong,
  ReaderGate,
  restartLog,
  truncateLog,
  WAL_CHECKPOINT_BYTES,
  WriterGate,
  walBytes,
} from "./wal-checkpoint.ts";

/** A writer's gate and the ports on which the test answers as readers do. `absent` have not started yet. */
async function open(readers: number, absent = 0) {
  const channels = Array.from({ length: readers + absent }, () => new MessageChannel());
  const writer = new WriterGate(
    channels.map(({ port1 }) => port1),
    assert.ifError,
  );
  const ports = channels.map(({ port2 }) => port2);
  for (const port of ports.slice(0, readers)) port.postMessage("here");
  await manyTurns();
  return { writer, ports };
}

/** Messages between two ends of a channel take a turn of the loop each. */
async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function closeAll(ports: readonly MessagePort[]): void {
  for (const port of ports) port.close();
}

/** The next message, while the port keeps the process alive. */
async function heard(port: MessagePort): Promise<unknown> {
  const [message] = await once(port, "message");
  return message;
}

describe("the log", () => {
  test("is copied while a read is under way, and truncated when it is over; a reader of then sees all of it", (t) => {
    const { writer, reader, logBytes } = databases(t);
    writer.exec("INSERT INTO notes VALUES ('before')");
    reader.exec("BEGIN");
    assert.equal(reader.prepare("SELECT count(*) AS n FROM notes").get()?.["n"], 1);
    assert.equal(copyLog(writer), true);
    assert.equal(truncateLog(writer), false);
    assert.notEqual(logBytes(), 0);
    writer.exec("INSERT INTO notes VALUES ('meanwhile')");
    assert.equal(reader.prepare("SELECT count(*) AS n FROM notes").get()?.["n"], 1);
    reader.exec("COMMIT");
    assert.equal(truncateLog(writer), true);
    assert.equal(logBytes(), 0);
    assert.equal(reader.prepare("SELECT count(*) AS n FROM notes").get()?.["n"], 2);
  });

  test("begins anew in its file, whatever a reader had kept from being copied", (t) => {
    const { writer, reader, logBytes } = databases(t);
    const write = () => writer.exec("INSERT INTO notes VALUES (randomblob(1000000))");
    const read = () => reader.prepare("SELECT count(*) AS n FROM notes").get()?.["n"];
    let notes = 0;
    for (let round = 0; round < 3; round++) {
      const before = notes;
      reader.exec("BEGIN");
      assert.equal(read(), before);
      for (; !isLogLong(writer); notes++) write();
      assert.equal(copyLog(writer), true);
      assert.equal(read(), before, "an older state");
      reader.exec("COMMIT");
      assert.equal(restartLog(writer), true);
      assert.equal(isLogLong(writer), false);
      assert.equal(read(), notes);
      assert.ok(logBytes() < WAL_CHECKPOINT_BYTES + 2_000_000, "the file does not grow");
    }
  });

  test("that could not be copied or truncated is not tried again: the process ends", () => {
    const done: string[] = [];
    const fails = (name: string) => () => {
      done.push(name);
      throw new Error(name);
    };
    const works = () => {};
    for (const log of [
      { copy: fails("copy"), cut: fails("truncate") },
      { copy: works, cut: fails("truncate") },
    ]) {
      const writer = new WriterGate([], (error) => done.push(String(error)));
      writer.shorten(log);
      writer.shorten(log);
    }
    assert.deepEqual(done, ["copy", "Error: copy", "truncate", "Error: truncate"]);
  });
});

/** Two connections of one database, as a writing and a reading thread have them. */
function databases(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "wharf-wal-"));
  const path = join(dir, "test.sqlite");
  const writer = openDatabase(path);
  writer.exec("CREATE TABLE notes (note TEXT)");
  const reader = openDatabase(path, { readOnly: true });
  t.after(() => {
    reader.close();
    writer.close();
    rmSync(dir, { recursive: true });
  });
  return { writer, reader, logBytes: () => walBytes(path) };
}

describe("the stand-still of writer and readers", () => {
  test("the work runs when every reader stands still, not before, and all go on after it", async (t) => {
    const { writer, ports } = await open(3);
    t.after(() => closeAll(ports));
    let [copied, ran] = [0, 0];
    const asked = Promise.all(ports.map(heard));
    writer.shorten({
      copy() {
        copied += 1;
      },
      cut() {
        ran += 1;
      },
    });
    assert.deepEqual([copied, ran], [1, 0]);
    assert.deepEqual(await asked, ["stand still", "stand still", "stand still"]);
    const [first, second, third] = ports;
    let letGo = 0;
    for (const port of ports) port.on("message", () => letGo++);
    const goOn = Promise.all(ports.map(heard));
    first?.postMessage("still");
    second?.postMessage("still");
    await manyTurns();
    assert.deepEqual([ran, letGo], [0, 0]);
    third?.postMessage("still");
    assert.deepEqual(await goOn, ["go on", "go on", "go on"]);
    assert.equal(ran, 1);
  });

  test("one request is under way at a time, and the next one asks all readers again", async (t) => {
    const { writer, ports } = await open(2);
    t.after(() => closeAll(ports));
    const ran: string[] = [];
    for (const name of ["first", "second"]) {
      const asked = Promise.all(ports.map(heard));
      for (const log of [name, "beside it"])
        writer.shorten({ copy: () => ran.push(`copy ${log}`), cut: () => ran.push(log) });
      await asked;
      const goOn = Promise.all(ports.map(heard));
      for (const port of ports) port.postMessage("still");
      await goOn;
    }
    assert.deepEqual(ran, ["copy first", "first", "copy second", "second"]);
  });

  test("a reader that has not started is not waited for; once it is here, it is", async (t) => {
    const { writer, ports } = await open(0, 1);
    t.after(() => closeAll(ports));
    let ran = 0;
    const log = {
      copy() {},
      cut() {
        ran += 1;
      },
    };
    writer.shorten(log);
    assert.equal(ran, 1);
    const [late] = ports;
    late?.postMessage("here");
    await manyTurns();
    const asked = Promise.all(ports.map(heard));
    writer.shorten(log);
    assert.deepEqual(await asked, ["stand still"]);
    assert.equal(ran, 1);
    const goOn = Promise.all(ports.map(heard));
    late?.postMessage("still");
    await goOn;
    assert.equal(ran, 2);
  });

  test("a reader that is asked stands still until it is let go", async (t) => {
    const channels = [new MessageChannel(), new MessageChannel()];
    const came = Promise.all(channels.map(({ port1 }) => heard(port1)));
    const readers = channels.map(({ port2 }) => new ReaderGate(port2));
    assert.deepEqual(await came, ["here", "here"]);
    for (const { port1 } of channels) port1.unref();
    t.after(() => closeAll(channels.map(({ port1 }) => port1)));
    const stood = Promise.all(channels.map(({ port1 }) => heard(port1)));
    for (const { port1 } of channels) port1.postMessage("stand still");
    assert.deepEqual(await stood, ["still", "still"]);
    const passing = readers.map((reader) => reader.passable());
    for (const promise of passing) assert.notEqual(promise, null);
    for (const { port1 } of channels) port1.postMessage("go on");
    await Promise.all(passing);
    assert.deepEqual(
      readers.map((reader) => reader.passable()),
      [null, null],
    );
  });
});
