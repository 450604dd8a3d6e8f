import { type BlockList, isIPv6, type Socket } from "node:net";
import { LIMITS } from "../limits.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { peerOf } from "./address.ts";
import { Connection, type ConnectionEvents } from "./connection.ts";

export interface ConnectionsDeps {
  /** Places for connections; beside them there are a tenth for uploads and limits.reservedConnections. */
  readonly max: number;
  /** Most of one peer. */
  readonly maxPerPeer: number;
  /** Peers that the limit on one peer is not for: proxies, through which everybody comes. */
  readonly unlimitedPeers: BlockList;
  readonly metrics: Metrics;
  /** A connection came when few places were left for further ones: what is held without need should end. */
  readonly scarce: () => void;
  /** `serve` runs the handlers. */
  readonly serve: ConnectionEvents["serve"];
}

/** Why a connection was ended that its client had not asked to end. */
export type EndReason = "idle" | "incomplete" | "refused" | "reserve" | "peer" | "pipelined" | "unread";

/**
 * All connections, and who gets a place when they run out. A new one takes the place of one that has been idle, the
 * longest first; then of one whose request's head is incomplete; then of one that was refused and goes on sending;
 * never of a request that is being answered, nor of one that has just come. When there is none such, it comes into the
 * reserve: for a moment, in which it may ask for `/healthz`, `/readyz` and `/metrics`, or change places with one that
 * has nothing to ask, and where newer ones push it out. So a supervisor is answered whatever everybody else does, and
 * nobody can take the reserve from him by sitting in it.
 *
 * A peer that has as many as it may have gives one of its own up for the new one in the same order, or is refused.
 */
export class Connections {
  readonly #deps: ConnectionsDeps;
  readonly #all = new Map<Socket, Connection>();
  /**
   * Without a request in hand, the one that has been so the longest first. A beginning of a head may have come on it.
   */
  readonly #quiet = new Set<Connection>();
  /** Those of them that were found to have sent the beginning of a head. */
  readonly #incomplete = new Set<Connection>();
  readonly #reserve = new Set<Connection>();
  readonly #peers = new Map<string, Set<Connection>>();
  readonly #events: ConnectionEvents;
  #hand = this.#all.values();
  /** Accepted in this turn of the event loop: nothing of theirs can have been read yet. */
  readonly #newest = new Set<Connection>();

  constructor(deps: ConnectionsDeps) {
    this.#deps = deps;
    this.#events = {
      serve: deps.serve,
      busy: (connection) => {
        this.#quiet.delete(connection);
        this.#incomplete.delete(connection);
      },
      quiet: (connection) => void this.#quiet.add(connection),
      condemned: () => this.#count("pipelined"),
    };
  }

  get size(): number {
    return this.#all.size;
  }

  of(socket: Socket): Connection | undefined {
    return this.#all.get(socket);
  }

  all(): Iterable<Connection> {
    return this.#all.values();
  }

  sockets(): Iterable<Socket> {
    return this.#all.keys();
  }

  /**
   * A connection that was accepted; it may be ended at the end of this turn of the event loop. Not before: a client
   * whose request has come in the same turn would be taken for idle, and lose it.
   */
  admit(socket: Socket): void {
    const { remoteAddress } = socket;
    // Its client has left already.
    if (remoteAddress === undefined) return void socket.destroy();
    const limited = !this.#deps.unlimitedPeers.check(remoteAddress, isIPv6(remoteAddress) ? "ipv6" : "ipv4");
    const peer = limited ? peerOf(remoteAddress) : null;
    const connection = new Connection(socket, peer, this.#events);
    this.#all.set(socket, connection);
    if (peer !== null) this.#peers.set(peer, (this.#peers.get(peer) ?? new Set()).add(connection));
    socket.once("close", () => this.#forget(connection));
    this.#quiet.add(connection);
    const { max, scarce } = this.#deps;
    if (max - this.#used + this.#quiet.size < Math.min(LIMITS.scarceConnections, max / 10)) scarce();
    if (this.#newest.size === 0) setImmediate(() => this.#makeRoom());
    this.#newest.add(connection);
  }

  /** Whether it has no place of its own, and must not be served as if it had. */
  isInReserve(connection: Connection): boolean {
    return this.#reserve.has(connection);
  }

  /**
   * Gives one in the reserve a place, if one has become free or can be made so. `forUpload`: of the tenth more that
   * there is for those.
   */
  claimPlace(connection: Connection, { forUpload }: { readonly forUpload: boolean }): boolean {
    const { max } = this.#deps;
    const places = forUpload ? max + Math.ceil(max / 10) : max;
    if (this.#used >= places && !this.#evictOne() && !this.#sendIntoReserve()) return false;
    this.#reserve.delete(connection);
    return true;
  }

  /** Ends a connection for a reason of ours, and says so. */
  end(socket: Socket, reason: EndReason): void {
    this.#count(reason);
    socket.destroy();
    const connection = this.#all.get(socket);
    // Its place is free now, not when the event comes.
    if (connection !== undefined) this.#forget(connection);
  }

  /** Places that are taken: all but those in the reserve. */
  get #used(): number {
    return this.#all.size - this.#reserve.size;
  }

  /** For those that came in this turn. Whatever had reached this machine when the turn began has been read. */
  #makeRoom(): void {
    const { max, maxPerPeer } = this.#deps;
    for (const connection of this.#newest) {
      const ofPeer = connection.peer === null ? undefined : this.#peers.get(connection.peer);
      if (ofPeer !== undefined && ofPeer.size > maxPerPeer && !this.#evictOneOf(ofPeer))
        this.end(connection.socket, "peer");
      else if (this.#used > max && !this.#evictOne()) this.#intoReserve(connection);
    }
    this.#newest.clear();
  }

  /**
   * Newer ones push older ones out of it, unless somebody who has a place has been quiet for longer: he goes, and the
   * new one has it.
   */
  #intoReserve(connection: Connection): void {
    const [oldest] = this.#reserve;
    if (oldest !== undefined && this.#reserve.size >= LIMITS.reservedConnections) {
      const inPlace = this.#longestQuiet();
      if (inPlace !== undefined && inPlace.quietSince < oldest.quietSince) return void this.#evict(inPlace);
      this.end(oldest.socket, "reserve");
    }
    this.#quiet.delete(connection);
    this.#reserve.add(connection);
  }

  /** Who says nothing needs no place: one that has a request changes places with it. */
  #sendIntoReserve(): boolean {
    const quiet = this.#longestQuiet();
    if (quiet === undefined) return false;
    this.#quiet.delete(quiet);
    this.#incomplete.delete(quiet);
    this.#reserve.add(quiet);
    return true;
  }

  /** Makes room, if anybody can be found to give it. */
  #evictOne(): boolean {
    return this.#evict(settled(this.#oldestIdle(), this.#oldestIncomplete()) ?? this.#someRefused());
  }

  #evictOneOf(peer: ReadonlySet<Connection>): boolean {
    const own = [...peer].filter((one) => !this.#newest.has(one));
    const idle = own.find(({ isIdle }) => isIdle);
    const incomplete = own.find(({ running, isIdle }) => running === null && !isIdle);
    const refused = own.find(({ isRefused }) => isRefused);
    return this.#evict(settled(idle, incomplete) ?? refused ?? longerQuiet(idle, incomplete));
  }

  #evict(victim: Connection | undefined): boolean {
    if (victim === undefined) return false;
    this.end(victim.socket, victim.running !== null ? "refused" : victim.isIdle ? "idle" : "incomplete");
    return true;
  }

  /** Of those that have a place. */
  #longestQuiet(): Connection | undefined {
    return longerQuiet(this.#oldestIdle(), this.#oldestIncomplete());
  }

  #oldestIncomplete(): Connection | undefined {
    return this.#incomplete.values().next().value;
  }

  #oldestIdle(): Connection | undefined {
    for (const connection of this.#quiet) {
      if (this.#newest.has(connection)) continue;
      if (connection.isIdle) return connection;
      this.#quiet.delete(connection);
      this.#incomplete.add(connection);
    }
    return undefined;
  }

  /**
   * Looks at some connections from where it stopped the last time: with all of them each time, accepting would cost
   * more than serving.
   */
  #someRefused(): Connection | undefined {
    for (let looked = 0; looked < LOOKED_AT; looked++) {
      const next = this.#moveHand();
      if (next?.isRefused === true && !this.#reserve.has(next)) return next;
    }
    return undefined;
  }

  /** The next one around; undefined between two rounds. */
  #moveHand(): Connection | undefined {
    const { value, done } = this.#hand.next();
    if (done === true) this.#hand = this.#all.values();
    return value;
  }

  #forget(connection: Connection): void {
    if (!this.#all.delete(connection.socket)) return;
    for (const set of [this.#quiet, this.#incomplete, this.#reserve, this.#newest]) set.delete(connection);
    // A hand that stands still holds each table that the map has outgrown since, with every connection that was in it.
    this.#moveHand();
    const { peer } = connection;
    const others = peer === null ? undefined : this.#peers.get(peer);
    others?.delete(connection);
    if (peer !== null && others?.size === 0) this.#peers.delete(peer);
  }

  #count(reason: EndReason): void {
    this.#deps.metrics.count("wharf_connections_ended_total", { reason });
  }
}

/** Who has just come gets a moment to say what it wants: or each newcomer would be ended by the next one. */
function settled(idle: Connection | undefined, incomplete: Connection | undefined): Connection | undefined {
  const before = performance.now() - LIMITS.newConnectionMs;
  return [idle, incomplete].find((one) => one !== undefined && one.quietSince < before);
}

function longerQuiet(one: Connection | undefined, other: Connection | undefined): Connection | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.quietSince < other.quietSince ? one : other;
}

/** Connections that one search for a refused one looks at: 5 µs. */
const LOOKED_AT = 256;
