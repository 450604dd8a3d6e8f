import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { PATIENCE_MS } from "./http.ts";

export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A client that writes bytes: for what HTTP libraries refuse to send (two Content-Range headers, broken framing, a body
 * that stops in the middle) and for what they hide (1xx answers, kept connections, an answer that comes while the body
 * is still being written).
 */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #method = "";
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (piece) => {
      this.#received = Buffer.concat([this.#received, Buffer.from(piece)]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  /** `localAddress`: who the server sees; any of 127.0.0.0/8 for a server on loopback. */
  static open(url: string, { localAddress }: { readonly localAddress?: string } = {}): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const from = localAddress === undefined ? {} : { localAddress };
      const socket = connect({ host: hostname, port: Number(port), ...from });
      socket.setNoDelay(true);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  /** Whether the other side has ended the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Stops reading, as a client does that writes its whole body first. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Resolves when the kernel has taken the bytes; false when the connection broke meanwhile. Never rejects. */
  write(bytes: string | Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || !this.#socket.writable) return resolve(false);
      const closed = () => resolve(false);
      this.#socket.once("close", closed);
      this.#socket.write(bytes, (error) => {
        this.#socket.off("close", closed);
        resolve(error === undefined || error === null);
      });
    });
  }

  /** Head of a request; Host is there. */
  writeHead(method: string, url: string, headers: readonly string[]): Promise<boolean> {
    this.#method = method;
    return this.write(requestHead(method, url, headers));
  }

  /** The next answer, 1xx ones too; null when the connection ends before it is whole. Rejects after `timeoutMs`. */
  async readAnswer(timeoutMs = PATIENCE_MS): Promise<RawAnswer | null> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const answer = this.#takeAnswer();
      if (answer !== null) return answer;
      if (this.#ended) return null;
      await this.#more(until);
    }
  }

  /** Resolves when the other side has ended the connection. Rejects after `timeoutMs`. */
  async readEnd(timeoutMs = PATIENCE_MS): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (!this.#ended) await this.#more(until);
  }

  /** Sends FIN and keeps reading. */
  finish(): void {
    this.#socket.end();
  }

  /** Ends at once; with RST when bytes are unread. */
  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #more(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const left = until - performance.now();
      const timer = setTimeout(() => reject(new Error("nothing came on the connection in time")), Math.max(0, left));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #takeAnswer(): RawAnswer | null {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return null;
    const [statusLine = "", ...lines] = this.#received.subarray(0, headEnd).toString("latin1").split("\r\n");
    const status = Number(statusLine.split(" ", 2)[1]);
    const reason = statusLine.split(" ").slice(2).join(" ");
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const bodyStart = headEnd + 4;
    const whole = this.#bodyFrom(bodyStart, status, headers);
    if (whole === null) return null;
    this.#received = this.#received.subarray(whole.end);
    return { status, reason, headers, body: whole.text };
  }

  #bodyFrom(start: number, status: number, headers: Record<string, string>): { text: string; end: number } | null {
    if (status < 200 || status === 204 || status === 304 || this.#method === "HEAD") return { text: "", end: start };
    if (headers["transfer-encoding"]?.toLowerCase() === "chunked") return dechunked(this.#received, start);
    const length = headers["content-length"];
    const end = length === undefined ? this.#received.length : start + Number(length);
    if (length === undefined && !this.#ended) return null;
    if (this.#received.length < end) return null;
    return { text: this.#received.subarray(start, end).toString("utf8"), end };
  }
}

/** The bytes of a request's head; Host is there. Repeated, they are pipelined requests. */
export function requestHead(method: string, url: string, headers: readonly string[]): string {
  const { host, pathname, search } = new URL(url);
  return `${[`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n")}\r\n\r\n`;
}

function dechunked(bytes: Buffer, start: number): { text: string; end: number } | null {
  const pieces: Buffer[] = [];
  for (let here = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", here);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.subarray(here, lineEnd).toString("latin1"), 16);
    const pieceEnd = lineEnd + 2 + size;
    if (bytes.length < pieceEnd + 2) return null;
    pieces.push(bytes.subarray(lineEnd + 2, pieceEnd));
    here = pieceEnd + 2;
    if (size === 0) return { text: Buffer.concat(pieces).toString("utf8"), end: here };
  }
}

/** One whole request on a connection of its own and its final answer; null when the server closed without one. */
export async function rawExchange(
  url: string,
  method: string,
  headers: readonly string[],
  body: string | Uint8Array = "",
  timeoutMs = PATIENCE_MS,
): Promise<RawAnswer | null> {
  const connection = await RawConnection.open(url);
  try {
    await connection.writeHead(method, url, headers);
    if (body.length > 0) void connection.write(body);
    return await finalAnswer(connection, timeoutMs);
  } finally {
    connection.destroy();
  }
}

/** Bytes exactly as given, then the first final answer; null when the server closed without one. */
export async function rawBytes(
  url: string,
  bytes: string | Uint8Array,
  timeoutMs = PATIENCE_MS,
): Promise<RawAnswer | null> {
  const connection = await RawConnection.open(url);
  try {
    await connection.write(bytes);
    return await finalAnswer(connection, timeoutMs);
  } finally {
    connection.destroy();
  }
}

async function finalAnswer(connection: RawConnection, timeoutMs: number): Promise<RawAnswer | null> {
  let answer = await connection.readAnswer(timeoutMs);
  while (answer !== null && answer.status < 200) answer = await connection.readAnswer(timeoutMs);
  return answer;
}
