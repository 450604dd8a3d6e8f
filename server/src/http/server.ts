import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, Socket } from "node:net";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { errorCodeOf, WharfError } from "../errors.ts";
import type { IdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { continueOnRead } from "./bounded-body.ts";
import { errorBody, headersOfEveryAnswer, retryAfter } from "./envelope.ts";
import { faultOfRequestLine } from "./request-line.ts";

/** Connections that may wait to be accepted. */
const BACKLOG = 1024;
/** At a stop, turns of the loop that take in what waits; more come only while connections come without a pause. */
const TAKE_IN_TURNS = 4 * BACKLOG;

interface Connection {
  /** Under way on it. */
  answers: number;
  /** What it had brought when the last answer was over: more is the beginning of a request. */
  quietBytes: number;
}

export interface HttpServerDeps {
  /** Everything but the byte end-point: `app.routing`. */
  readonly app: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * `/v1/uploads/…`, any method. `expectsContinue`: the client waits for `100 Continue` before it sends its body, and the
   * end-point itself says it (PUT-17).
   */
  readonly byteEndpoint: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void;
  readonly ids: IdSource;
  /** Connections served at once; more get 503 `overloaded`. Default limits.maxConnections. */
  readonly maxConnections?: number;
}

/**
 * The listening socket: hands requests to the two handlers, bounds connections and head times, and ends without cutting an answer.
 * There is no time limit on a whole request here: Node's would cut slow healthy uploads. Bodies have deadlines of their own (json-body.ts,
 * linger.ts, the byte end-point).
 */
export class HttpServer {
  readonly #server: Server;
  readonly #deps: HttpServerDeps;
  readonly #answering = new Map<ServerResponse, Socket>();
  readonly #surplus = new WeakSet<Socket>();
  readonly #sockets = new Map<Socket, Connection>();
  #accepted = 0;
  #closing = false;

  constructor(deps: HttpServerDeps) {
    this.#deps = deps;
    this.#server = createServer({
      requestTimeout: 0,
      headersTimeout: LIMITS.headersTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
      // request-line.ts refuses a missing Host, in our shape.
      requireHostHeader: false,
      // Node looks for late heads only this often; its default is 30 s.
      connectionsCheckingInterval: 1000,
    });
    const max = deps.maxConnections ?? LIMITS.maxConnections;
    // The surplus gets an answer; beyond that nobody is let in at all.
    this.#server.maxConnections = max + Math.ceil(max / 10);
    this.#server.on("connection", (socket) => this.#count(socket, max));
    this.#server.on("request", (request, response) => this.#dispatch(request, response, false));
    this.#server.on("checkContinue", (request, response) => this.#dispatch(request, response, true));
    // An expectation that we do not know is passed over (RFC 9110 §10.1.1 allows it): Node's own 417 has not our shape.
    this.#server.on("checkExpectation", (request, response) => this.#dispatch(request, response, false));
    this.#server.on("clientError", (error, socket) => {
      if (socket instanceof Socket) this.#refuseMalformed(error, socket);
      else socket.destroy();
    });
  }

  /** Rejects when the address is taken. */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: BACKLOG }, () => {
        this.#server.off("error", reject);
        const address = this.#server.address();
        if (address === null || typeof address === "string") reject(new Error("the server listens on no TCP port"));
        else resolve(address);
      });
    });
  }

  /**
   * Takes no new connections, lets running answers end (each says `Connection: close`), and cuts what is left after `graceMs`. The caller
   * first makes `/readyz` say 503 and releases the long-polls. Resolves when every connection is closed.
   *
   * A request that was here when this was called is answered, even if nobody had looked at its connection yet. One that crosses with the
   * closing of its kept connection is not: the client sees an end before any byte of an answer, and knows that nothing was done.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const graceEnd = performance.now() + graceMs;
    for (const response of this.#answering.keys()) if (!response.headersSent) response.setHeader("Connection", "close");
    await this.#takeIn(graceEnd - graceMs / 2);
    const closed = new Promise<void>((resolve) => {
      // Not http's own: it destroys idle connections, and a request that has just come in there would meet a reset.
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    for (const socket of this.#sockets.keys()) this.#endIfQuiet(socket);
    const cut = setTimeout(() => this.#server.closeAllConnections(), Math.max(0, graceEnd - performance.now()));
    await closed;
    clearTimeout(cut);
    // Stops its look-out for late heads.
    this.#server.close();
  }

  /** Until what has reached this machine is with its handler: connections that wait to be accepted, and bytes that wait to be read. */
  async #takeIn(until: number): Promise<void> {
    // A turn accepts one connection; its request is read in the next one. Counted in turns: on a starved machine a second is short.
    for (let turn = 0, quiet = 0; turn < TAKE_IN_TURNS && quiet < 3 && performance.now() < until; turn++) {
      const before = this.#accepted;
      await turnOfTheLoop();
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
  }

  /** Our half first; when the client has closed its own, or in a moment, the rest. Closing at once would reset what is on its way here. */
  #endIfQuiet(socket: Socket): void {
    const connection = this.#sockets.get(socket);
    if (connection === undefined || connection.answers > 0 || socket.bytesRead !== connection.quietBytes) return;
    socket.end();
    const tooLong = setTimeout(() => socket.destroy(), LIMITS.closedLingerMs);
    socket.once("close", () => clearTimeout(tooLong));
  }

  #count(socket: Socket, max: number): void {
    this.#accepted++;
    this.#sockets.set(socket, { answers: 0, quietBytes: 0 });
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#sockets.size > max) this.#surplus.add(socket);
  }

  #dispatch(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { socket } = request;
    if (socket.writableEnded) return void request.resume();
    this.#answering.set(response, socket);
    const connection = this.#sockets.get(socket);
    if (connection !== undefined) connection.answers++;
    response.once("close", () => {
      this.#answering.delete(response);
      if (connection === undefined) return;
      connection.answers--;
      connection.quietBytes = socket.bytesRead;
      if (this.#closing) this.#endIfQuiet(socket);
    });
    if (this.#closing) response.setHeader("Connection", "close");
    // The path decides, as the client spelled it: upload URLs are ours, and nobody rewrites them. A request that two servers may read
    // differently is the app's to refuse, for both.
    const forBytes = request.url?.startsWith("/v1/uploads/") && faultOfRequestLine(request) === null;
    if (forBytes) this.#deps.byteEndpoint(request, response, expectsContinue);
    else if (this.#surplus.has(request.socket)) this.#refuseSurplus(request, response);
    else {
      if (expectsContinue) continueOnRead(request, response);
      this.#deps.app(request, response);
    }
  }

  /**
   * The byte end-point is served all the same: its connections hold acknowledged work, and its clients would retry at once. What bounds
   * them is the hard limit on connections.
   */
  #refuseSurplus(request: IncomingMessage, response: ServerResponse): void {
    const error = new WharfError("overloaded");
    const id = this.#deps.ids.next("req");
    const { type, body } = errorBody(error, id, request.headers.accept);
    const headers = { ...headersOfEveryAnswer(id), ...retryAfter(error), "Content-Type": type, Connection: "close" };
    response.writeHead(503, headers).end(body);
  }

  /** What Node's parser refuses is answered in our shape, unless an answer is under way on that connection. */
  #refuseMalformed(error: Error, socket: Socket): void {
    const busy = [...this.#answering.values()].includes(socket);
    if (errorCodeOf(error) === "ECONNRESET" || !socket.writable || busy) return void socket.destroy();
    if (errorCodeOf(error) === "ERR_HTTP_REQUEST_TIMEOUT")
      return void socket.end("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
    const message =
      errorCodeOf(error) === "HPE_HEADER_OVERFLOW"
        ? "The request's headers are too large; 16 KiB is the limit."
        : "The request is not well-formed HTTP/1.1.";
    const id = this.#deps.ids.next("req");
    const { type, body } = errorBody(new WharfError("invalid_request", { message }), id, undefined);
    const headers = {
      ...headersOfEveryAnswer(id),
      "Content-Type": type,
      "Content-Length": Buffer.byteLength(body),
      Connection: "close",
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 400 Bad Request\r\n${lines.join("")}\r\n${body}`);
  }
}
