import { PassThrough, type Readable, type Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

/** Clients of MCP give a call up after 60 s. */
const LONGEST_MS = 60_000;

/**
 * The SDK's stdio, but for the end of its input. The SDK drops what is under way then; here `printf … | wharf mcp`
 * gets its answers, and an upload that was asked for is not broken off half-way. It closes once everything that was
 * asked is answered, or after LONGEST_MS.
 */
export class AnsweringTransport implements Transport {
  onclose: Transport["onclose"];
  onerror: Transport["onerror"];
  onmessage: Transport["onmessage"];
  /** Resolves when nothing more comes or goes. */
  readonly closed: Promise<void>;
  readonly #inner: StdioServerTransport;
  readonly #input = new PassThrough();
  /** Ids of requests without an answer. */
  readonly #asked = new Set<string | number>();
  readonly #answered = Promise.withResolvers<void>();
  #hasEnded = false;

  constructor(stdin: Readable, stdout: Writable) {
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    this.#inner = new StdioServerTransport(this.#input, stdout);
    this.#inner.onclose = () => {
      closed.resolve();
      this.onclose?.();
    };
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message) => {
      this.#heard(message);
      this.onmessage?.(message);
    };
    for (const event of ["end", "close"]) stdin.once(event, () => void this.#end());
    stdin.pipe(this.#input, { end: false });
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#inner.send(message);
    if (!("method" in message) && message.id !== undefined) this.#settled(message.id);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #heard(message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if ("id" in message) this.#asked.add(message.id);
    // The SDK answers it never.
    else if (message.method === "notifications/cancelled") this.#settled(message.params?.["requestId"]);
  }

  #settled(id: unknown): void {
    if (typeof id === "string" || typeof id === "number") this.#asked.delete(id);
    if (this.#hasEnded && this.#asked.size === 0) this.#answered.resolve();
  }

  async #end(): Promise<void> {
    // What has come is heard first.
    while (this.#input.writableLength + this.#input.readableLength > 0) await turn();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#settled(null);
    const late = setTimeout(() => this.#answered.resolve(), LONGEST_MS);
    await Promise.race([this.#answered.promise, this.closed]);
    clearTimeout(late);
    this.#input.end();
  }
}
