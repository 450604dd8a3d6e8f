import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { toError } from "../../server/src/errors.ts";

/** One HTTP request and its whole answer, on Node's own client: `fetch` cannot read a refusal while a body is still being sent. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | BodyStream | undefined;
  readonly signal: AbortSignal;
  /** Without a byte in either direction for so long, the connection counts as lost. */
  readonly idleMs: number;
}

export interface BodyStream {
  readonly stream: Readable;
  readonly length: number;
}

export interface Answer {
  readonly status: number;
  header(name: string): string | null;
  /** At most MAX_ANSWER_BYTES. */
  readonly text: string;
}

/** The request may or may not have arrived: no complete answer came. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** Larger than any answer of ours: 200 files of a list with full metadata are 2 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Keeps connections for the next exchange. */
export class HttpClient {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /** Rejects with ConnectionError, with the body stream's own error, or with the signal's reason. */
  send(exchange: Exchange): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { body, signal } = exchange;
    signal.throwIfAborted();
    const secure = exchange.url.startsWith("https:");
    const request = (secure ? httpsRequest : httpRequest)(exchange.url, {
      method: exchange.method,
      agent: secure ? this.#https : this.#http,
      headers: { ...exchange.headers, ...framing(body) },
    });
    const fail = (error: Error) => {
      reject(error);
      request.destroy();
    };
    const abort = () => fail(toError(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    promise.finally(() => signal.removeEventListener("abort", abort)).catch(() => {});
    request.setTimeout(exchange.idleMs, () =>
      fail(new ConnectionError(`no answer for ${Math.round(exchange.idleMs / 1000)} s`)),
    );
    request.on("error", (error) => reject(new ConnectionError(error.message, { cause: error })));
    request.on("response", (response) => {
      // The server has decided: what is not sent yet need not be.
      if (body !== undefined && "stream" in body) body.stream.destroy();
      readAnswer(response).then((answer) => {
        resolve(answer);
        if (!request.writableFinished) request.destroy();
      }, fail);
    });
    if (body === undefined) request.end();
    else if ("stream" in body) sendStream(body, request, fail);
    else request.end(body);
    return promise;
  }
}

function framing(body: Exchange["body"]): Record<string, string> {
  if (body === undefined) return {};
  return { "Content-Length": String("stream" in body ? body.length : body.byteLength) };
}

/** Sends exactly `length` bytes; a stream that ends before them fails the exchange instead of leaving the server to wait. */
function sendStream(body: BodyStream, request: NodeJS.WritableStream, fail: (error: Error) => void): void {
  let sent = 0;
  body.stream.on("data", (chunk: Uint8Array) => {
    sent += chunk.byteLength;
    if (!request.write(chunk)) body.stream.pause();
  });
  request.on("drain", () => body.stream.resume());
  body.stream.on("end", () => (sent === body.length ? request.end() : fail(new ShortBodyError())));
  body.stream.on("error", fail);
}

/** The file has become shorter since its size was read. */
export class ShortBodyError extends Error {
  override readonly name = "ShortBodyError";
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      const bytes = Buffer.from(chunk);
      size += bytes.byteLength;
      if (size > MAX_ANSWER_BYTES) throw new Error("the answer is larger than 16 MiB");
      chunks.push(bytes);
    }
  } catch (error) {
    throw new ConnectionError(toError(error).message, { cause: error });
  }
  return {
    status: response.statusCode ?? 0,
    header: (name) => response.headersDistinct[name.toLowerCase()]?.[0] ?? null,
    text: Buffer.concat(chunks).toString("utf8"),
  };
}
