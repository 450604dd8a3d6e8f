import { IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { LIMITS } from "../limits.ts";

/** A request that has come in, and the answer that it waits for. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** For the byte end-point. */
  readonly forBytes: boolean;
}

export interface ConnectionEvents {
  /** Its turn has come: the handler may run. */
  serve(connection: Connection, exchange: Exchange): void;
  /** A request begins to be answered on a connection that had none in hand. */
  busy(connection: Connection): void;
  /** The last answer is over, and none waits. */
  quiet(connection: Connection): void;
  /** It has brought more than may wait, and ends after the answer that is running. */
  condemned(connection: Connection): void;
}

/**
 * One accepted connection. It is worth one request at a time: what a client sends behind that (pipelining, RFC 9112
 * §9.3.2) waits here, its handler not called, at most limits.pipelinedRequests of them with limits.pipelinedBytes. A
 * connection that brings more is condemned: its running answer is finished, what waited is forgotten, what still comes
 * is dropped unparsed, and then it ends. The client sees fewer answers than it sent requests, and knows that the others
 * were not looked at.
 *
 * Reading never stops for a waiting request, because only a socket that is read tells that its client has left.
 */
export class Connection {
  readonly socket: Socket;
  /** Whom it counts for; null: it counts for nobody. */
  readonly peer: string | null;
  readonly #events: ConnectionEvents;
  #running: Exchange | null = null;
  readonly #waiting: Exchange[] = [];
  #condemned = false;
  /** What it had brought when the last answer was over: more is the beginning of a request. */
  #quietBytes = 0;
  #quietSince = performance.now();
  /** What it had brought when the first of the waiting requests came. */
  #waitingFrom = 0;
  #droppedBytes = 0;

  constructor(socket: Socket, peer: string | null, events: ConnectionEvents) {
    this.socket = socket;
    this.peer = peer;
    this.#events = events;
    // A waiting request's body does not fit into its buffer. Left so, nothing would be read until its turn, and a
    // client that leaves a held poll or a queued search unseen. Behind bytes it may wait: those answers wait for a
    // disk, not for an event.
    socket.on("pause", () => {
      const held = this.#running !== null && !this.#running.forBytes && this.#waiting.length > 0;
      if (held && !socket.writableNeedDrain) this.condemn();
    });
  }

  /** What is being answered; null between two requests. */
  get running(): Exchange | null {
    return this.#running;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Nothing is being answered and nothing has begun to come in: ending it takes nothing from its client. */
  get isIdle(): boolean {
    return this.#running === null && this.socket.bytesRead === this.#quietBytes;
  }

  /** When it last had a request in hand, or was accepted; as performance.now(). */
  get quietSince(): number {
    return this.#quietSince;
  }

  /** It has been refused, and what it still sends is read away so that its client can see that: a courtesy. */
  get isRefused(): boolean {
    if (this.#running === null) return false;
    const { request, response } = this.#running;
    return response.headersSent && response.statusCode >= 400 && !request.complete;
  }

  /** Whether the next request that the parser finds is one too many. */
  get isFull(): boolean {
    return this.#condemned || this.#waiting.length >= LIMITS.pipelinedRequests;
  }

  /** A whole head has come in. */
  add(exchange: Exchange): void {
    const { socket } = this;
    if (this.#condemned || socket.writableEnded) return void exchange.request.resume();
    if (this.#running === null) {
      this.#events.busy(this);
      this.#start(exchange);
      return;
    }
    if (this.#waiting.length === 0) this.#waitingFrom = socket.bytesRead;
    this.#waiting.push(exchange);
    if (socket.bytesRead - this.#waitingFrom > LIMITS.pipelinedBytes) this.condemn();
  }

  /** Too much has come. The parser still has the connection: the bodies of what waited are read away. */
  condemn(): void {
    if (this.#condemned) return;
    this.#condemned = true;
    this.#events.condemned(this);
    const response = this.#running?.response;
    if (response !== undefined && !response.headersSent) response.setHeader("Connection", "close");
    for (const { request } of this.#waiting.splice(0)) request.on("data", (piece: Uint8Array) => this.#drop(piece));
  }

  /** The same, when the parser has let go of the connection: what comes is bytes, and none of them is looked at. */
  condemnUnparsed(head: Uint8Array): void {
    this.condemn();
    const { socket } = this;
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("data", (piece: Uint8Array) => this.#drop(piece));
    // Node's http did this while it had the socket.
    socket.on("drain", () => this.#running?.response.emit("drain"));
    this.#drop(head);
    if (this.#running === null) this.hangUp();
  }

  /**
   * Our half first; when the client has closed its own, or in a moment, the rest. Closing at once would reset what is
   * on its way here.
   */
  hangUp(): void {
    const { socket } = this;
    socket.end();
    const tooLong = setTimeout(() => socket.destroy(), LIMITS.closedLingerMs);
    socket.once("close", () => clearTimeout(tooLong));
  }

  #start(exchange: Exchange): void {
    this.#running = exchange;
    exchange.response.once("close", () => this.#over());
    this.#events.serve(this, exchange);
  }

  #over(): void {
    const { socket } = this;
    this.#running = null;
    if (socket.destroyed || socket.writableEnded) return void this.#waiting.splice(0);
    const next = this.#waiting.shift();
    if (next !== undefined) return void this.#start(next);
    this.#quietBytes = socket.bytesRead;
    this.#quietSince = performance.now();
    if (this.#condemned) this.hangUp();
    else this.#events.quiet(this);
  }

  #drop({ byteLength }: Uint8Array): void {
    this.#droppedBytes += byteLength;
    if (this.#droppedBytes > LIMITS.pipelineDropBytes) this.socket.destroy();
  }
}

/**
 * A request of Node's parser that stops the parser when its connection is full. A chunk of 64 KiB has up to 2 340 whole
 * heads, and Node makes 4 kB of objects of each before a handler could end anything: pausing the socket takes effect
 * after the chunk. What does stop the parser in the middle of one is a request to upgrade the protocol; so that is what
 * the request that is too many is taken for. The rest of the chunk comes as bytes with the server's `upgrade` event.
 */
export function boundedRequest(isFull: (socket: Socket) => boolean): typeof IncomingMessage {
  return class BoundedRequest extends IncomingMessage {
    #stops: boolean | undefined;

    get upgrade(): boolean {
      return this.#stops === true;
    }

    /** Said by the parser once the head is there, just before it looks what was said. */
    set upgrade(asked: boolean | null) {
      if (asked !== null) this.#stops = asked || isFull(this.socket);
    }
  };
}
