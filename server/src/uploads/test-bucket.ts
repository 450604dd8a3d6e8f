import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseContentRange } from "./embedded/content-range.ts";
import type { DigestEngine } from "./embedded/digests.ts";

/**
 * Somebody else's bucket, as far as an upload sees it: Google's resumable sessions, whose URLs clients PUT to, and
 * objects of which each change makes another generation. A fake for tests, of docs/byte-endpoint.md's rows alone that
 * the conformance suite needs.
 */
export class TestBucket {
  readonly objects = new Map<string, BucketObject>();
  readonly #sessions = new Map<string, ResumableSession>();
  readonly #server: Server;
  #generation = 0;

  readonly #digests: DigestEngine;

  private constructor(digests: DigestEngine) {
    this.#digests = digests;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async open(digests: DigestEngine): Promise<TestBucket> {
    const bucket = new TestBucket(digests);
    await new Promise<void>((resolve) => bucket.#server.listen(0, "127.0.0.1", resolve));
    return bucket;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** `onlyNew`: ifGenerationMatch=0; the last request is refused when an object of that name is there by then. */
  async createResumableUpload(name: string, sizeBytes: number, { onlyNew }: { onlyNew: boolean }): Promise<string> {
    const id = randomBytes(16).toString("hex");
    this.#sessions.set(id, { name, sizeBytes, onlyNew, kept: Buffer.alloc(0), state: "open" });
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the bucket is closed");
    return `http://127.0.0.1:${address.port}/upload/${id}`;
  }

  /** How much a URL has kept: a probe. */
  async keptOf(url: string): Promise<number> {
    return this.#sessionOf(url)?.kept.length ?? 0;
  }

  /** DELETE of the URL: later PUTs are 499. */
  async cancelUpload(url: string): Promise<void> {
    const session = this.#sessionOf(url);
    if (session?.state !== "open") return;
    session.state = "cancelled";
    session.kept = Buffer.alloc(0);
    session.sending?.destroy();
  }

  async deleteObject(name: string): Promise<void> {
    this.objects.delete(name);
  }

  damage(name: string): void {
    const object = this.objects.get(name);
    if (object === undefined) throw new Error(`there is no ${name}`);
    const bytes = Buffer.from(object.bytes);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.objects.set(name, { ...object, bytes });
  }

  /** Objects of a name's beginning, and bytes that open sessions of it keep. */
  countOf(prefix: string): number {
    const open = [...this.#sessions.values()].filter((one) => one.state === "open" && one.name.startsWith(prefix));
    const objects = [...this.objects.keys()].filter((name) => name.startsWith(prefix));
    return objects.length + open.filter((one) => one.kept.length > 0 || one.sending !== undefined).length;
  }

  #sessionOf(url: string): ResumableSession | undefined {
    return this.#sessions.get(new URL(url, "http://bucket").pathname.replace("/upload/", ""));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.#sessionOf(request.url ?? "");
    if (session === undefined) return end(response, 404);
    session.sending = request;
    const body: Uint8Array[] = [];
    try {
      for await (const chunk of request) body.push(chunk);
    } catch {
      return;
    } finally {
      delete session.sending;
    }
    if (session.state !== "open") return end(response, session.state === "cancelled" ? 499 : 200);
    const range = parseContentRange(request.headers["content-range"]);
    if (range?.kind !== "part") return end(response, 400);
    if (range.first > session.kept.length) return end(response, 503);
    session.kept = Buffer.concat([session.kept, Buffer.concat(body).subarray(session.kept.length - range.first)]);
    if (session.kept.length < session.sizeBytes) return end(response, 308);
    if (session.onlyNew && this.objects.has(session.name)) return end(response, 412);
    session.state = "complete";
    this.objects.set(session.name, {
      generation: ++this.#generation,
      bytes: session.kept,
      ...digestsOf(this.#digests, session.kept),
    });
    return end(response, 200);
  }
}

export interface BucketObject {
  readonly generation: number;
  readonly bytes: Buffer;
  /** Of the bytes as they came. */
  readonly md5: string;
  readonly crc32c: string;
}

interface ResumableSession {
  readonly name: string;
  readonly sizeBytes: number;
  readonly onlyNew: boolean;
  kept: Buffer;
  state: "open" | "complete" | "cancelled";
  sending?: IncomingMessage;
}

/** Google's two, in base64. */
export function digestsOf(engine: DigestEngine, bytes: Uint8Array) {
  const { md5Base64, crc32cBase64 } = engine.finish(engine.update(engine.empty(), bytes));
  return { md5: md5Base64, crc32c: crc32cBase64 };
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { "Content-Length": 0 });
  response.end();
}
