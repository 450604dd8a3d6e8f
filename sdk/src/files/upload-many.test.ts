import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Calls } from "../core/calls.ts";
import { ApiError, ConnectionError } from "../core/errors.ts";
import { realTiming } from "../core/patience.ts";
import { serve } from "../test-server.ts";
import { Wharf } from "../wharf.ts";
import { noPaths, type OpenPath, openContent, type Source } from "./content.ts";
import { ManyUploads } from "./upload-many.ts";

const BATCH = "POST /v1/knowledge/files:batch/upload-session";
const SESSION = "/v1/knowledge/files/upload-session";

const CODES: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "invalid_api_key",
  403: "forbidden_scope",
  404: "not_found",
  409: "conflict",
};

/** What a server answers to `METHOD path`, where numbers stand for ids: a body, or a refusal's status. */
type Answers = Readonly<Record<string, object | number>>;

/** A server of which each request is noted, and a client of it. */
async function clientOf(t: TestContext, answers: (base: string) => Answers) {
  const asked: string[] = [];
  let base = "";
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const line = `${request.method} ${request.url}`;
    asked.push(line);
    await json(request).catch(() => null);
    const found = answers(base)[line] ?? 404;
    if (found === 0) return void response.destroy();
    if (typeof found !== "number") return void response.end(JSON.stringify(found));
    const error = { code: CODES[found], message: "No.", retryable: false, details: {} };
    response.writeHead(found).end(JSON.stringify({ error, request_id: "req_1" }));
  };
  base = await serve(t, (request, response) => void answer(request, response));
  return { wharf: new Wharf({ baseUrl: base, apiKey: "sk_x", retryForMs: 0 }), asked };
}

/** A whole upload of one file by requests of its own. */
function alone(base: string): Answers {
  return {
    [`POST ${SESSION}`]: { session_id: "sess_1", upload_url: `${base}one` },
    "PUT /one": {},
    [`POST ${SESSION}/sess_1/finalize`]: { id: "file_1", status: "queued" },
  };
}

/** A batch of two files that is taken as it is, and finalized. */
function together(base: string, { replayed }: { readonly replayed: boolean }): Answers {
  const accepted = ["0", "1"].map((id) => {
    return { client_file_id: id, session_id: `sess_${id}`, upload_url: `${base}one`, replayed };
  });
  return {
    [BATCH]: { batch_id: "batch_1", accepted, rejected: [] },
    [`${BATCH}/batch_1/finalize`]: { finalized: [], pending: [], failed: [], replayed: [] },
  };
}

const fileOf = (text: string) => ({ source: new TextEncoder().encode(text), filename: `${text}.txt`, bucket: "b" });
const files = ["alpha", "bravo"].map(fileOf);

test("a server that knows no keys of items gets each file alone, and nothing of the batch is left there", async (t) => {
  const { wharf, asked } = await clientOf(t, (base) => ({
    ...alone(base),
    [BATCH]: {
      batch_id: "batch_1",
      accepted: ["0", "1"].map((id) => ({ client_file_id: id, session_id: `sess_b${id}`, upload_url: `${base}no` })),
      rejected: [],
    },
    [`DELETE ${SESSION}/sess_b0`]: {},
    [`DELETE ${SESSION}/sess_b1`]: {},
  }));
  const results = await wharf.files.uploadMany(files);
  assert.deepEqual(
    results.map((result) => "file" in result && result.file.id),
    ["file_1", "file_1"],
  );
  assert.deepEqual(asked.slice(0, 3), [BATCH, `DELETE ${SESSION}/sess_b0`, `DELETE ${SESSION}/sess_b1`]);
  assert.equal(asked.filter((line) => line === "PUT /one").length, 2);
  assert.ok(!asked.includes("PUT /no"));
});

test("a batch that is refused as a whole is no file's end: each is told by itself, or taken", async (t) => {
  const { wharf } = await clientOf(t, (base) => ({ ...alone(base), [BATCH]: 400 }));
  const results = await wharf.files.uploadMany(files);
  assert.ok(results.every((result) => "file" in result));
  const refused = await clientOf(t, () => ({ [BATCH]: 400, [`POST ${SESSION}`]: 400 }));
  const told: number[] = [];
  const onResult = (place: number) => void told.push(place);
  const errors = await refused.wharf.files.uploadMany(files, { onResult });
  assert.ok(errors.every((result) => "error" in result && ApiError.is(result.error, "invalid_request")));
  assert.deepEqual(told.sort(), [0, 1]);
});

test("a refused key ends it all, and a server that is away fails the files of the batch and asks no more for them", async (t) => {
  const { wharf, asked } = await clientOf(t, () => ({ [BATCH]: 401 }));
  await assert.rejects(wharf.files.uploadMany(files), { status: 401 });
  assert.deepEqual(asked, [BATCH]);
  const away = await clientOf(t, () => ({ [BATCH]: 0 }));
  const results = await away.wharf.files.uploadMany(files);
  assert.ok(results.every((result) => "error" in result && result.error instanceof ConnectionError));
  assert.deepEqual(away.asked, [BATCH]);
});

test("a key that may write and not read is told of each file by its own finalize", async (t) => {
  const { wharf } = await clientOf(t, (base) => ({
    ...alone(base),
    ...together(base, { replayed: false }),
    "GET /v1/knowledge/batches/batch_1?include_items=true": 403,
  }));
  const results = await wharf.files.uploadMany(files);
  assert.ok(results.every((result) => "file" in result && result.file.id === "file_1"));
});

test("a file's own signal ends it alone, before or in the middle of its batch, and its session is told", async (t) => {
  const [early, late] = [new AbortController(), new AbortController()];
  early.abort(new Error("not this one"));
  const { wharf, asked } = await clientOf(t, (base) => ({
    ...alone(base),
    ...together(base, { replayed: false }),
    "GET /v1/knowledge/batches/batch_1?include_items=true": 403,
  }));
  const sessions: string[] = [];
  const results = await wharf.files.uploadMany([
    { ...fileOf("alpha"), onSession: (id) => sessions.push(id) },
    { ...fileOf("bravo"), signal: late.signal, onSession: () => late.abort(new Error("nor this one")) },
    { ...fileOf("charlie"), signal: early.signal },
  ]);
  assert.deepEqual(sessions.slice(0, 1), ["sess_0"]);
  assert.deepEqual(
    results.map((result) => ("file" in result ? result.file.id : String(result.error))),
    ["file_1", "Error: nor this one", "Error: not this one"],
  );
  assert.equal(asked.filter((line) => line === "PUT /one").length, 2, "of the first: in the batch, and alone");
});

test("a file of other bytes than were sent is none of this upload: its key was used with them, and that is told", async (t) => {
  const { wharf } = await clientOf(t, (base) => ({
    ...alone(base),
    ...together(base, { replayed: true }),
    "GET /v1/knowledge/batches/batch_1?include_items=true": {
      items: ["0", "1"].map((id) => ({
        client_file_id: id,
        file: { id: "file_other", status: "indexed", sha256: "0".repeat(64) },
      })),
    },
    [`POST ${SESSION}/sess_1/finalize`]: 409,
  }));
  const results = await wharf.files.uploadMany(files);
  assert.ok(results.every((result) => "error" in result && ApiError.is(result.error, "conflict")));
});

test("files that were opened are closed when the caller ends it while the next one is being read", async () => {
  const caller = new AbortController();
  const options = { baseUrl: "http://127.0.0.1:1/v1", send: sendNothing, timing: realTiming, retryForMs: 0 };
  let open = 0;
  const openPath: OpenPath = async (_, signal) => {
    const content = await openContent(new Uint8Array(3), noPaths, signal);
    open += 1;
    const close = async () => {
      open -= 1;
    };
    return { ...content, close };
  };
  async function* endless() {
    caller.abort(new Error("enough"));
    yield new Uint8Array(1);
  }
  const many = new ManyUploads(new Calls("sk_x", options), openPath, { signal: caller.signal });
  const sources: readonly Source[] = ["a.txt", "b.txt", endless()];
  await assert.rejects(many.upload(sources.map((source) => ({ source, filename: "f", bucket: "b" }))), /enough/);
  assert.equal(open, 0);
});

async function sendNothing(): Promise<never> {
  throw new Error("nothing is sent here");
}
