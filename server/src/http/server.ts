import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, BlockList, Server as NetServer, Socket } from "node:net";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { errorCodeOf, WharfError } from "../errors.ts";
import type { IdSource } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { type Metrics, NO_METRICS } from "../metrics/metrics.ts";
import { continueOnRead } from "./bounded-body.ts";
import { boundedRequest, type Connection, type Exchange } from "./connection.ts";
import { Connections } from "./connections.ts";
import { errorBody, headersOfEveryAnswer, retryAfter } from "./envelope.ts";
import { faultOfRequestLine } from "./request-line.ts";
import { UnreadAnswers } from "./unread-answers.ts";

/** Connections that may wait to be accepted. */
const BACKLOG = 1024;
/** At a stop, turns of the loop that take in what waits; more come only while connections come without a pause. */
const TAKE_IN_TURNS = 4 * BACKLOG;

/**
 * Answered whatever else is going on: a supervisor must see the difference between a server that is busy and one
 * that is dead.
 */
const RESERVED_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

export interface HttpServerDeps {
  /** Everything but the byte end-point: `app.routing`. */
  readonly app: (request: IncomingMessage, response: ServerResponse) => void;
  /**
   * `/v1/uploads/…`, any method. `expectsContinue`: the client waits for `100 Continue` before it sends its body, and
   * the end-point itself says it (PUT-17).
   */
  readonly byteEndpoint: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void;
  readonly ids: IdSource;
  /** Connections served at once; more get 503 `overloaded`. Default limits.maxConnections. */
  readonly maxConnections?: number;
  /** Most of one peer. Default: a quarter of all, at most limits.connectionsPerPeer. */
  readonly maxConnectionsPerPeer?: number;
  /** Peers that may have any number of connections. Default: none. */
  readonly unlimitedPeers?: BlockList;
  /** Called for a new connection when few places are left. Default: nobody has any to give. */
  readonly scarce?: () => void;
  /** Default limits.unreadAnswerMs. */
  readonly unreadAnswerMs?: number;
  /** Default: nothing is counted. */
  readonly metrics?: Metrics;
}

/**
 * The listening socket: hands requests to the two handlers, one of each connection at a time (connection.ts), bounds
 * connections (connections.ts), head times and unread answers (unread-answers.ts), and ends without cutting an answer.
 * There is no time limit on a whole request here: Node's would cut slow healthy uploads. Bodies have deadlines of their
 * own (json-body.ts, linger.ts, the byte end-point).
 */
export class HttpServer {
  readonly #server: Server;
  readonly #deps: HttpServerDeps;
  readonly #connections: Connections;
  readonly #unread: UnreadAnswers;
  #accepted = 0;
  #closing = false;

  constructor(deps: HttpServerDeps) {
    this.#deps = deps;
    const { maxConnections: max = LIMITS.maxConnections, unreadAnswerMs, metrics = NO_METRICS } = deps;
    const connections = new Connections({
      max,
      maxPerPeer: deps.maxConnectionsPerPeer ?? Math.min(LIMITS.connectionsPerPeer, Math.ceil(max / 4)),
      unlimitedPeers: deps.unlimitedPeers ?? new BlockList(),
      metrics,
      scarce: deps.scarce ?? (() => {}),
      serve: (connection, exchange) => this.#serve(connection, exchange),
    });
    this.#connections = connections;
    this.#unread = new UnreadAnswers({
      sockets: () => connections.sockets(),
      cut: (socket) => connections.end(socket, "unread"),
      ...(unreadAnswerMs === undefined ? {} : { idleMs: unreadAnswerMs }),
    });
    const isFull = (socket: Socket) => connections.of(socket)?.isFull === true;
    this.#server = createServer({
      requestTimeout: 0,
      headersTimeout: LIMITS.headersTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
      // request-line.ts refuses a missing Host, in our shape.
      requireHostHeader: false,
      // Node looks for late heads only this often; its default is 30 s.
      connectionsCheckingInterval: 1000,
      // See there: what we "upgrade" is the connection that has brought too much.
      IncomingMessage: boundedRequest(isFull),
      shouldUpgradeCallback: ({ socket }) => isFull(socket),
    });
    // Never met: evicting makes room first. It holds if many more connections are closing than there are.
    this.#server.maxConnections = 2 * (max + LIMITS.reservedConnections);
    this.#server.on("connection", (socket) => {
      this.#accepted++;
      connections.admit(socket);
    });
    this.#server.on("request", (request, response) => this.#arrive(request, response, false));
    this.#server.on("checkContinue", (request, response) => this.#arrive(request, response, true));
    // An expectation that we do not know is passed over (RFC 9110 §10.1.1 allows it): Node's own 417 has not our shape.
    this.#server.on("checkExpectation", (request, response) => this.#arrive(request, response, false));
    this.#server.on("upgrade", ({ socket }, _same, head) => connections.of(socket)?.condemnUnparsed(head));
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
        if (address === null || typeof address === "string")
          return reject(new Error("the server listens on no TCP port"));
        this.#unread.start();
        resolve(address);
      });
    });
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Takes no new connections, lets running answers end (each says `Connection: close`), and cuts what is left
   * after `graceMs`. The caller first makes `/readyz` say 503 and releases the long-polls. Resolves when every
   * connection is closed.
   *
   * A request that was here when this was called is answered, even if nobody had looked at its connection yet. One that
   * crosses with the closing of its kept connection is not: the client sees an end before any byte of an answer, and
   * knows that nothing was done.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const graceEnd = performance.now() + graceMs;
    for (const connection of this.#connections.all()) this.#announceEnd(connection);
    await this.#takeIn(graceEnd - graceMs / 2);
    const closed = new Promise<void>((resolve) => {
      // Not http's own: it destroys idle connections, and a request that has just come in there would meet a reset.
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    for (const connection of this.#connections.all()) if (connection.isIdle) connection.hangUp();
    const cutRest = () => {
      for (const socket of this.#connections.sockets()) socket.destroy();
    };
    const cut = setTimeout(cutRest, Math.max(0, graceEnd - performance.now()));
    await closed;
    clearTimeout(cut);
    this.#unread.stop();
    // Stops its look-out for late heads.
    this.#server.close();
  }

  /**
   * Until what has reached this machine is with its handler: connections that wait to be accepted, and bytes that
   * wait to be read.
   */
  async #takeIn(until: number): Promise<void> {
    // A turn accepts one connection; its request is read in the next one. Counted in turns: on a starved machine a
    // second is short.
    for (let turn = 0, quiet = 0; turn < TAKE_IN_TURNS && quiet < 3 && performance.now() < until; turn++) {
      const before = this.#accepted;
      await turnOfTheLoop();
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
  }

  /** At a stop, the last answer of a connection says that it is the last. */
  #announceEnd({ running, hasWaiting }: Connection): void {
    if (this.#closing && running !== null && !hasWaiting && !running.response.headersSent)
      running.response.setHeader("Connection", "close");
  }

  #arrive(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    // The path decides, as the client spelled it: upload URLs are ours, and nobody rewrites them. A request that two
    // servers may read differently is the app's to refuse, for both.
    const forBytes = request.url?.startsWith("/v1/uploads/") === true && faultOfRequestLine(request) === null;
    this.#connections.of(request.socket)?.add({ request, response, expectsContinue, forBytes });
  }

  /** A request's turn has come. */
  #serve(connection: Connection, exchange: Exchange): void {
    const { request, response, expectsContinue, forBytes } = exchange;
    response.once("close", () => {
      if (this.#closing && connection.isIdle) connection.hangUp();
    });
    this.#announceEnd(connection);
    if (!this.#hasPlace(connection, exchange)) this.#refuseSurplus(request, response);
    else if (forBytes) this.#deps.byteEndpoint(request, response, expectsContinue);
    else {
      if (expectsContinue) continueOnRead(request, response);
      this.#deps.app(request, response);
    }
  }

  #hasPlace(connection: Connection, { request, response, forBytes }: Exchange): boolean {
    if (!this.#connections.isInReserve(connection)) return true;
    if (this.#connections.claimPlace(connection, { forUpload: forBytes })) return true;
    // The reserve is for one answer.
    response.setHeader("Connection", "close");
    return RESERVED_PATHS.has(request.url?.split("?", 1)[0] ?? "") && faultOfRequestLine(request) === null;
  }

  #refuseSurplus(request: IncomingMessage, response: ServerResponse): void {
    this.#deps.metrics?.count("wharf_connections_ended_total", { reason: "overloaded" });
    const error = new WharfError("overloaded");
    const id = this.#deps.ids.next("req");
    const { type, body } = errorBody(error, id, request.headers.accept);
    const headers = { ...headersOfEveryAnswer(id), ...retryAfter(error), "Content-Type": type, Connection: "close" };
    response.writeHead(503, headers).end(body);
  }

  /** What Node's parser refuses is answered in our shape, unless an answer is under way on that connection. */
  #refuseMalformed(error: Error, socket: Socket): void {
    const connection = this.#connections.of(socket);
    const running = connection?.running ?? null;
    // Of a request whose body is malformed nothing has been said yet; behind one that is whole, an answer
    // is on its way.
    const isTold = running !== null && (running.response.headersSent || running.request.complete);
    if (errorCodeOf(error) === "ECONNRESET" || !socket.writable || isTold) return void socket.destroy();
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
    socket.write(`HTTP/1.1 400 Bad Request\r\n${lines.join("")}\r\n${body}`);
    if (connection === undefined) socket.end();
    else connection.hangUp();
  }
}
