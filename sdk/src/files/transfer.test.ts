import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { ApiError } from "../core/errors.ts";
import { fetchSend } from "../core/fetch-send.ts";
import { noPaths, openContent } from "./content.ts";
import { transfer } from "./transfer.ts";

/** One answer of an upload_url: to which Content-Range it is given, and what it says. `cut`: none. */
interface Step {
  readonly range: string;
  readonly status: number | "cut";
  readonly kept?: number;
  readonly retryAfter?: string;
}

const SIZE = 1000;

/** Runs a transfer of 1 000 bytes against an upload_url that answers by a script, which must be used up. */
async function play(t: TestContext, steps: readonly Step[], probeFirst: boolean) {
  const { signal } = new AbortController();
  const content = await openContent(new Uint8Array(SIZE).fill(120), noPaths, signal);
  const left = [...steps];
  const server = createServer((request, response) => answer(left.shift(), request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const waits: number[] = [];
  const told: (readonly [string, number])[] = [];
  const timing = { now: () => 0, random: () => 0, wait: async (ms: number) => void waits.push(ms) };
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const complete = await transfer(
    { send: fetchSend(fetch), signal, timing, retryForMs: 60_000 },
    { url: `http://127.0.0.1:${port}/v1/uploads/x`, content },
    probeFirst,
    { at: (bytes) => void told.push(["at", bytes]), resumes: (bytes) => void told.push(["resumes", bytes]) },
  );
  assert.deepEqual(left, [], "every scripted answer was asked for");
  return { complete, waits, told };
}

function answer(step: Step | undefined, request: IncomingMessage, response: ServerResponse): void {
  const range = request.headers["content-range"];
  if (step === undefined || step.range !== range || step.status === "cut") return void request.socket.destroy();
  const headers: Record<string, string> = {};
  if (step.kept !== undefined && step.kept > 0) headers["Range"] = `bytes=0-${step.kept - 1}`;
  if (step.retryAfter !== undefined) headers["Retry-After"] = step.retryAfter;
  const { status } = step;
  request.resume().on("end", () => response.writeHead(status, headers).end());
}

const WHOLE = "bytes 0-999/1000";
const PROBE = "bytes */1000";

test("a fresh session gets everything in one request (PUT-1)", async (t) => {
  assert.ok((await play(t, [{ range: WHOLE, status: 200 }], false)).complete);
});

test("an old session is probed first, and only the rest is sent (PUT-3)", async (t) => {
  const steps: Step[] = [
    { range: PROBE, status: 308, kept: 512 },
    { range: "bytes 512-999/1000", status: 200 },
  ];
  assert.ok((await play(t, steps, true)).complete);
});

test("an old session that has everything gets nothing more (PUT-10)", async (t) => {
  assert.ok((await play(t, [{ range: PROBE, status: 200 }], true)).complete);
});

test("all bytes kept without an end are completed by a probe, not by an empty range", async (t) => {
  const steps: Step[] = [
    { range: PROBE, status: 308, kept: 1000 },
    { range: PROBE, status: 200 },
  ];
  assert.ok((await play(t, steps, true)).complete);
});

test("after a lost connection the server's count is asked for, not remembered (PUT-9)", async (t) => {
  const steps: Step[] = [
    { range: WHOLE, status: "cut" },
    { range: PROBE, status: "cut" },
    { range: PROBE, status: 308, kept: 0 },
    { range: WHOLE, status: 200 },
  ];
  assert.deepEqual((await play(t, steps, false)).waits, [250, 500]);
});

test("503 with Retry-After is waited for (PUT-20)", async (t) => {
  const steps: Step[] = [
    { range: WHOLE, status: 503, retryAfter: "7" },
    { range: PROBE, status: 308, kept: 0 },
    { range: WHOLE, status: 200 },
  ];
  assert.deepEqual((await play(t, steps, false)).waits, [7000]);
});

test("a 308 in the middle of a data request is gone on from at its Range (PUT-7)", async (t) => {
  const steps: Step[] = [
    { range: WHOLE, status: 308, kept: 600 },
    { range: "bytes 600-999/1000", status: 200 },
  ];
  assert.deepEqual((await play(t, steps, false)).told, [
    ["resumes", 0],
    ["at", 600],
    ["at", 1000],
  ]);
});

test("where sending begins is told again after a lost connection, and the end is told once", async (t) => {
  const cut: Step[] = [
    { range: WHOLE, status: "cut" },
    { range: PROBE, status: 308, kept: 300 },
    { range: "bytes 300-999/1000", status: 200 },
  ];
  assert.deepEqual((await play(t, cut, false)).told, [
    ["resumes", 0],
    ["resumes", 300],
    ["at", 1000],
  ]);
  assert.deepEqual((await play(t, [{ range: PROBE, status: 200 }], true)).told, [["at", 1000]]);
});

for (const status of [404, 410, 499]) {
  test(`${status} means that the session is gone (PUT-12, PUT-13)`, async (t) => {
    assert.equal((await play(t, [{ range: PROBE, status }], true)).complete, false);
  });
}

test("a refusal that cannot pass is not repeated", async (t) => {
  await assert.rejects(play(t, [{ range: WHOLE, status: 400 }], false), ApiError);
});

test("a Range beyond the file is refused instead of believed", async (t) => {
  await assert.rejects(play(t, [{ range: PROBE, status: 308, kept: 2000 }], true), /makes no sense/);
});
