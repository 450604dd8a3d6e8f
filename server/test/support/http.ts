import { Buffer } from "node:buffer";
import { type Agent, type OutgoingHttpHeaders, request } from "node:http";
import type { Socket } from "node:net";

/** What never comes is found, and what a busy machine takes is not: how quick an answer is, other tests judge. */
export const PATIENCE_MS = 120_000;

export interface HttpCall {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** A list or a stream is sent piece by piece with chunked encoding unless a Content-Length is given. */
  readonly body?: Uint8Array | string | readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  readonly timeoutMs?: number;
  /** Keeps connections for the next request. Default: each request has a connection of its own. */
  readonly agent?: Agent;
  /** Waits so long after each piece of the answer: a slow reader. */
  readonly pieceMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

/**
 * The connection broke, or nothing came in time, before the answer was whole; how far it had come. Times are
 * performance.now().
 */
export class BrokenExchange extends Error {
  override readonly name = "BrokenExchange";
  readonly progress: Readonly<Progress>;
  /**
   * What the system says: ECONNREFUSED, ECONNRESET, EPIPE. Null when the other side closed in order, or the
   * time was up.
   */
  readonly code: string | null;
  readonly brokenAt = performance.now();

  constructor(error: Error, progress: Progress) {
    super(error.message, { cause: error });
    this.progress = progress;
    // A "socket hang up" has the code of a reset, but no system call.
    this.code = "code" in error && "syscall" in error ? String(error.code) : null;
  }
}

interface Progress {
  /** When the connection was there; null = never. */
  connectedAt: number | null;
  /** When the first bytes of the request were with the kernel … */
  startedAt: number | null;
  /** … and when all of them were. */
  sentAt: number | null;
  answerBegan: boolean;
}

const CONNECTED_AT = new WeakMap<Socket, number>();

/**
 * One request on a connection of its own: a kept connection that the server closes just then would make tests flaky.
 * Rejects with BrokenExchange when the connection breaks before the answer is whole, or after `timeoutMs`.
 */
export function http(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, timeoutMs = PATIENCE_MS, agent = false, pieceMs = 0 } = call;
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    const outgoing = request({
      host: target.hostname,
      port: target.port,
      // Not target.pathname: a malformed percent-encoding must go out as it stands.
      path: url.slice(target.origin.length) || "/",
      method,
      agent,
      headers: { ...lengthOf(method, headers, body), ...headers },
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${method}: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const progress = progressOf(outgoing);
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(new BrokenExchange(error, { ...progress }));
    };
    outgoing.on("error", fail);
    outgoing.on("response", (response) => {
      progress.answerBegan = true;
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => {
        pieces.push(piece);
        if (pieceMs === 0) return;
        response.pause();
        setTimeout(() => response.resume(), pieceMs);
      });
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        const all = Buffer.concat(pieces);
        if (agent === false) outgoing.destroy();
        resolve({
          status: response.statusCode ?? 0,
          reason: response.statusMessage ?? "",
          headers: flat(response.headersDistinct),
          body: all,
          text: all.toString("utf8"),
          json: parsed(all.toString("utf8")),
        });
      });
    });
    void send(outgoing, body, () => {
      progress.startedAt ??= performance.now();
    });
  });
}

function progressOf(outgoing: ReturnType<typeof request>): Progress {
  const progress: Progress = { connectedAt: null, startedAt: null, sentAt: null, answerBegan: false };
  outgoing.once("socket", (socket) => {
    const known = CONNECTED_AT.get(socket);
    if (known !== undefined) progress.connectedAt = known;
    else
      socket.once("connect", () => {
        progress.connectedAt = performance.now();
        CONNECTED_AT.set(socket, progress.connectedAt);
      });
  });
  outgoing.once("finish", () => {
    progress.sentAt = performance.now();
    progress.startedAt ??= progress.sentAt;
  });
  return progress;
}

async function send(outgoing: ReturnType<typeof request>, body: HttpCall["body"], started: () => void): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  for await (const piece of body) {
    if (outgoing.destroyed) return;
    const roomLeft = outgoing.write(piece, (error) => {
      if (error === null || error === undefined) started();
    });
    if (!roomLeft)
      await new Promise<void>((resolve) => {
        const goOn = () => {
          outgoing.off("drain", goOn).off("close", goOn);
          resolve();
        };
        outgoing.on("drain", goOn).on("close", goOn);
      });
  }
  outgoing.end();
}

function lengthOf(method: string, headers: OutgoingHttpHeaders, body: HttpCall["body"]): OutgoingHttpHeaders {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.includes("content-length") || names.includes("transfer-encoding")) return {};
  if (body === undefined) return method === "PUT" || method === "POST" ? { "Content-Length": 0 } : {};
  if (typeof body === "string") return { "Content-Length": Buffer.byteLength(body) };
  return body instanceof Uint8Array ? { "Content-Length": body.length } : {};
}

function flat(headers: NodeJS.Dict<string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, (values ?? []).join(", ")]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
