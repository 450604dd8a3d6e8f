import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { AnsweringTransport } from "./answering-transport.ts";

/** A server that answers each request after a moment; `lines` are all that comes on its stdin. */
async function answersTo(lines: readonly object[]): Promise<readonly unknown[]> {
  const stdin = new PassThrough();
  let out = "";
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      out += chunk;
      done();
    },
  });
  const transport = new AnsweringTransport(stdin, stdout);
  transport.onmessage = async (message) => {
    if (!("method" in message && "id" in message)) return;
    await wait(10);
    await transport.send({ jsonrpc: "2.0", id: message.id, result: {} });
  };
  await transport.start();
  stdin.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  await transport.closed;
  return out.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line).id));
}

const asked = (id: number | string) => ({ jsonrpc: "2.0", id, method: "tools/list" });

test("what was asked before the input ended is answered before it closes", async () => {
  assert.deepEqual(await answersTo([asked(1), asked("two"), asked(3)]), [1, "two", 3]);
  assert.deepEqual(await answersTo([]), []);
});

test("what was cancelled is not waited for", async () => {
  const stdin = new PassThrough();
  const transport = new AnsweringTransport(stdin, new PassThrough());
  await transport.start();
  const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } };
  stdin.end(`${JSON.stringify(asked(1))}\n${JSON.stringify(cancel)}\n`);
  await transport.closed;
});

test("it is closed by its server too, while the input goes on", async () => {
  const transport = new AnsweringTransport(new PassThrough(), new PassThrough());
  await transport.start();
  await transport.close();
  await transport.closed;
});
