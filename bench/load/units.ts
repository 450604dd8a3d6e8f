import { readFile } from "node:fs/promises";
import { listAt, textAt } from "../../server/test/support/json.ts";
import { English } from "../text/english.ts";
import { Client } from "./http.ts";
import type { Document, Job } from "./job.ts";

/** One unit of a job. `tookMs` when only a part of it is timed. */
export interface Done {
  readonly name: string;
  readonly tookMs?: number;
}

const SESSIONS = "/v1/knowledge/files/upload-session";
const FILES = "/v1/knowledge/files";
const BUCKET = "bench";

/** What the job does `count` times, with everything done beforehand that is not to be timed. */
export async function unitOf(job: Job): Promise<(index: number) => Promise<Done>> {
  const api = new Api(new Client(job.url, job.key, job.callers));
  const { unit } = job;
  switch (unit.kind) {
    case "create":
      return async () => ({ name: (await api.create(10_000)).id });
    case "put": {
      const bytes = noise(unit.bytes);
      const sessions = await each(job.count, () => api.create(bytes.length));
      return async (index) => {
        const session = sessionAt(sessions, index);
        await api.put(session.url, bytes);
        return { name: session.id };
      };
    }
    case "finalize": {
      const bytes = unit.noise ? noise(unit.bytes) : Buffer.from(new English(job.count).text(unit.bytes));
      const sessions = await each(job.count, async () => {
        const session = await api.create(bytes.length);
        await api.put(session.url, bytes);
        return session;
      });
      return async (index) => ({ name: await api.finalize(sessionAt(sessions, index).id) });
    }
    case "cycle": {
      const bytes = Buffer.from(new English(unit.bytes).text(unit.bytes));
      return async () => ({ name: await api.upload(bytes, NOTE) });
    }
    case "index":
    case "searchable": {
      const timedAll = unit.kind === "index";
      const contents = await Promise.all(unit.files.map((file) => readFile(file.path)));
      return async (index) => {
        const at = index % unit.files.length;
        const [file, bytes] = [unit.files[at], contents[at]];
        if (file === undefined || bytes === undefined) throw new Error("the job names no files");
        const began = performance.now();
        const id = await api.upload(bytes, file);
        const finalized = performance.now();
        const state = await api.settled(id);
        return { name: `${id} ${state}`, tookMs: performance.now() - (timedAll ? began : finalized) };
      };
    }
    case "poll":
      return async (index) => ({ name: await api.state(unit.ids[index % unit.ids.length] ?? "", 0) });
    case "get":
      return async (index) => {
        const path = unit.paths[index % unit.paths.length] ?? "";
        await api.client.call("GET", path, { expect: 200 });
        return { name: path };
      };
    case "patch":
      return async (index) => {
        const id = unit.ids[index % unit.ids.length] ?? "";
        await api.client.call("PATCH", `${FILES}/${id}`, { json: { title: `Title ${index}` }, expect: 200 });
        return { name: id };
      };
    case "search":
      return async (index) => ({ name: await api.search(unit.bodies[index % unit.bodies.length] ?? {}) });
    case "cancel":
      return async (index) => {
        const id = unit.ids[index] ?? "";
        await api.client.call("DELETE", `${SESSIONS}/${id}`, { expect: 200 });
        return { name: id };
      };
  }
}

interface Session {
  readonly id: string;
  readonly url: string;
}

const NOTE = { filename: "note.txt", title: "note.txt", contentType: "text/plain", bucket: BUCKET };

/** The API's calls, as a plain client makes them. */
class Api {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  async create(sizeBytes: number, file: Omit<Document, "path"> = NOTE): Promise<Session> {
    const body = {
      filename: file.filename,
      title: file.title,
      content_type: file.contentType,
      size_bytes: sizeBytes,
      bucket: file.bucket,
      create_missing_buckets: true,
    };
    const answer = await this.client.call("POST", SESSIONS, { json: body, expect: 201 });
    return { id: textAt(answer, "session_id"), url: textAt(answer, "upload_url") };
  }

  async put(url: string, bytes: Uint8Array): Promise<void> {
    await this.client.call("PUT", new URL(url).pathname, { bytes, expect: 200 });
  }

  async finalize(session: string): Promise<string> {
    const answer = await this.client.call("POST", `${SESSIONS}/${session}/finalize`, { json: {}, expect: 201 });
    return textAt(answer, "id");
  }

  async upload(bytes: Uint8Array, file: Omit<Document, "path">): Promise<string> {
    const session = await this.create(bytes.length, file);
    await this.put(session.url, bytes);
    return this.finalize(session.id);
  }

  async state(file: string, waitSeconds: number): Promise<string> {
    const query = waitSeconds > 0 ? `?wait=${waitSeconds}` : "";
    return textAt(await this.client.call("GET", `${FILES}/${file}${query}`, { expect: 200 }), "status");
  }

  /** Waits until it is indexed or failed, and says which. */
  async settled(file: string): Promise<string> {
    for (;;) {
      const state = await this.state(file, 30);
      if (state !== "queued" && state !== "indexing") return state;
    }
  }

  async search(body: Readonly<Record<string, unknown>>): Promise<string> {
    const answer = await this.client.call("POST", "/v1/knowledge/search", { json: body, expect: 200 });
    return listAt(answer, "results")
      .map((result) => textAt(result, "filename"))
      .join(" ");
  }
}

function sessionAt(sessions: readonly Session[], index: number): Session {
  const session = sessions[index];
  if (session === undefined) throw new Error("fewer sessions were made than are used");
  return session;
}

/** A few at a time: what is made beforehand must not be a load of its own. */
async function each<T>(count: number, make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const batch = Math.min(8, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: batch }, make))));
  }
  return made;
}

/** Bytes that nothing compresses or reads as text, the same each time. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 0x9e3779b9;
  for (let offset = 0; offset + 4 <= size; offset += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, offset);
  }
  return bytes;
}
