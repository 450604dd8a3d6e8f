import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { link, open, readFile, rename, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { createCRC32, createMD5, type IHasher } from "hash-wasm";
import type { FloorCatalogue } from "./catalogue.ts";

/** Wharf's duties and nothing of Wharf's: no keys, no checks, no protocol, no resumption. */
export class Floor {
  url = "";
  readonly #folder: string;
  /** null: only bytes. */
  readonly #catalogue: FloorCatalogue | null;
  /** Where chunks would go; null: nothing is indexed. */
  readonly #index: FloorCatalogue | null;
  /** Two at a time, as Wharf's workers on two cores. */
  readonly #lanes: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  readonly #idleHashers: Hashers[] = [];

  constructor(folder: string, databases: { catalogue: FloorCatalogue | null; index: FloorCatalogue | null }) {
    this.#folder = folder;
    this.#catalogue = databases.catalogue;
    this.#index = databases.index;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = ""] = /(sess_[0-9a-f]+)/.exec(request.url ?? "") ?? [];
    if (request.method === "PUT") return send(response, 200, await this.#put(request, id));
    if (request.method !== "POST") return send(response, 404, {});
    const body: unknown = await json(request);
    return send(response, 201, id === "" ? await this.#create(body) : await this.#finalize(id));
  }

  async #create(body: unknown): Promise<object> {
    const id = `sess_${randomBytes(16).toString("hex")}`;
    const size = typeof body === "object" && body !== null && "size_bytes" in body ? Number(body.size_bytes) : 0;
    await this.#catalogue?.run("create", { id, size });
    return { session_id: id, upload_url: `${this.url}/${id}` };
  }

  async #put(request: IncomingMessage, id: string): Promise<object> {
    await this.#catalogue?.run("take", { id });
    const path = join(this.#folder, "segments", id);
    const digests = await this.#receive(request, path);
    await Promise.all([fsync(path), fsync(join(this.#folder, "segments"))]);
    if (this.#catalogue === null) await this.#publish(id);
    await this.#catalogue?.run("record", { id, ...digests });
    return digests;
  }

  async #receive(request: IncomingMessage, path: string): Promise<{ md5: string; crc32c: string }> {
    const hashers = this.#idleHashers.pop() ?? (await newHashers());
    hashers.md5.init();
    hashers.crc32c.init();
    const file = createWriteStream(path, { flags: "wx", highWaterMark: 256 * 1024 });
    for await (const chunk of request) {
      hashers.md5.update(chunk);
      hashers.crc32c.update(chunk);
      if (!file.write(chunk)) await once(file, "drain");
    }
    file.end();
    await finished(file);
    const digests = { md5: hashers.md5.digest(), crc32c: hashers.crc32c.digest() };
    this.#idleHashers.push(hashers);
    return digests;
  }

  async #finalize(id: string): Promise<object> {
    const sha256 = createHash("sha256");
    await pipeline(createReadStream(join(this.#folder, "segments", id), { highWaterMark: 128 * 1024 }), sha256);
    await this.#publish(id);
    const names = { file: `file_${randomBytes(16).toString("hex")}`, task: `task_${randomBytes(16).toString("hex")}` };
    await this.#catalogue?.run("finalize", { id, sha256: sha256.digest("hex"), ...names });
    if (this.#index !== null) this.#queue(() => this.#indexFile(id, names));
    return { id: names.file };
  }

  #queue(work: () => Promise<void>): void {
    const lane = this.#lanes.shift() ?? Promise.resolve();
    this.#lanes.push(lane.then(work));
  }

  /** What indexing a file leaves on disk, and in how many commits; nobody reads a word of it. */
  async #indexFile(id: string, names: { file: string; task: string }): Promise<void> {
    await this.#catalogue?.run("claim", names);
    const text = await readFile(join(this.#folder, "originals", id), "utf8");
    const temporary = join(this.#folder, "text", `${id}.tmp`);
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, join(this.#folder, "text", id));
    await fsync(join(this.#folder, "text"));
    await this.#index?.run("chunks", { file: names.file, text });
    await this.#catalogue?.run("activate", names);
  }

  async #publish(id: string): Promise<void> {
    await link(join(this.#folder, "segments", id), join(this.#folder, "originals", id));
    await fsync(join(this.#folder, "originals"));
  }
}

interface Hashers {
  readonly md5: IHasher;
  readonly crc32c: IHasher;
}

async function newHashers(): Promise<Hashers> {
  return { md5: await createMD5(), crc32c: await createCRC32(0x82f63b78) };
}

async function fsync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}
