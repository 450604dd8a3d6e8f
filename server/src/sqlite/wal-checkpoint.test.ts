import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { ReaderGate, WriterGate } from "./wal-checkpoint.ts";

/** A writer's gate and the ports on which the test answers as readers do. `absent` have not started yet. */
async function open(readers: number, absent = 0) {
  const channels = Array.from({ length: readers + absent }, () => new MessageChannel());
  const writer = new WriterGate(channels.map(({ port1 }) => port1));
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

describe("the stand-still of writer and readers", () => {
  test("the work runs when every reader stands still, not before, and all go on after it", async (t) => {
    const { writer, ports } = await open(3);
    t.after(() => closeAll(ports));
    let ran = 0;
    const asked = Promise.all(ports.map(heard));
    writer.whenReadersAreStill(() => {
      ran += 1;
    });
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
      writer.whenReadersAreStill(() => ran.push(name));
      writer.whenReadersAreStill(() => ran.push("beside it"));
      await asked;
      const goOn = Promise.all(ports.map(heard));
      for (const port of ports) port.postMessage("still");
      await goOn;
    }
    assert.deepEqual(ran, ["first", "second"]);
  });

  test("a reader that has not started is not waited for; once it is here, it is", async (t) => {
    const { writer, ports } = await open(0, 1);
    t.after(() => closeAll(ports));
    let ran = 0;
    const work = () => {
      ran += 1;
    };
    writer.whenReadersAreStill(work);
    assert.equal(ran, 1);
    const [late] = ports;
    late?.postMessage("here");
    await manyTurns();
    const asked = Promise.all(ports.map(heard));
    writer.whenReadersAreStill(work);
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
