import { connect, type Socket } from "node:net";

/** One connection of an attacker. */
export interface Caller {
  /** Sent as soon as it is connected. */
  readonly say: string;
  /** False: nothing that comes is taken from the kernel's buffer. */
  readonly reads: boolean;
  /** Sent every second afterwards. */
  readonly drip?: string;
  /** Hangs up after so long. */
  readonly endMs?: number;
  /** Called when the server ended the connection, not at once: a fresh start costs the attacker something too. */
  readonly again?: () => void;
}

/** Where attackers come from: another address than everybody else's. */
const ATTACKER = "127.0.0.2";
/** Connections that are opened at a time: more would only fill the kernel's queue. */
const AT_ONCE = 200;
const PAUSE_MS = 20;
const AGAIN_AFTER_MS = 200;
/** Nobody can connect again more often than this in all. */
const AGAIN_PER_SECOND = 500;
const LEVEL_WITHIN_MS = 10_000;

/** Many connections to one server, from one address. */
export class Crowd {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #open = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #statuses = new Map<string, number>();
  #connected = 0;
  #mostOpen = 0;
  #cut = 0;
  #againThisSecond = 0;
  #budget: NodeJS.Timeout | undefined;
  #over = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#target = { host: hostname, port: Number(port) };
  }

  /** After an end. */
  begin(): void {
    this.#over = false;
  }

  /**
   * Calls `open` with 0 … count − 1 at the pace that a kernel takes, and waits until the connections are there, or
   * cannot be had.
   */
  async many(count: number, open: (index: number) => void): Promise<void> {
    this.begin();
    for (let index = 0; index < count; index++) {
      open(index);
      if (index % AT_ONCE === AT_ONCE - 1) await pause(PAUSE_MS);
    }
    const until = performance.now() + LEVEL_WITHIN_MS;
    while (this.#connected < count && performance.now() < until) await pause(PAUSE_MS);
  }

  open(caller: Caller): void {
    if (this.#over) return;
    const socket = connect({ ...this.#target, localAddress: ATTACKER });
    this.#open.add(socket);
    // A paused socket has its first piece read by Node all the same; the rest stays in the kernel.
    if (caller.reads) socket.on("data", (piece) => this.#count(piece));
    else socket.pause();
    socket.once("connect", () => {
      this.#connected++;
      this.#mostOpen = Math.max(this.#mostOpen, this.#open.size);
      socket.write(caller.say);
    });
    socket.on("error", () => {});
    const { endMs } = caller;
    // Who does not read notices an end only by writing; a line end between requests is nothing.
    const drip = caller.drip ?? (caller.reads ? undefined : "\r\n");
    const dripping = drip === undefined ? undefined : setInterval(() => socket.write(drip), 1000);
    const hangUp = endMs === undefined ? undefined : setTimeout(() => socket.destroy(), endMs);
    hangUp?.unref();
    socket.once("close", () => {
      clearInterval(dripping);
      clearTimeout(hangUp);
      this.#open.delete(socket);
      if (endMs === undefined) this.#cut++;
      if (caller.again !== undefined) this.#comeAgain(caller.again);
    });
  }

  /** Closes everything and says what came of it. */
  async end(): Promise<string> {
    this.#over = true;
    clearInterval(this.#budget);
    this.#budget = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    const cut = this.#cut;
    for (const socket of this.#open) socket.destroy();
    while (this.#open.size > 0) await pause(PAUSE_MS);
    const answers = [...this.#statuses].sort().map(([status, times]) => `${times} × ${status}`);
    const connections = `${this.#connected} connected, at most ${this.#mostOpen} at once, ${cut} ended by the server`;
    const report = `${connections}, answers: ${answers.join(", ") || "none read"}`;
    this.#statuses.clear();
    this.#connected = this.#mostOpen = this.#cut = 0;
    return report;
  }

  #comeAgain(again: () => void): void {
    if (this.#over) return;
    this.#budget ??= setInterval(() => {
      this.#againThisSecond = 0;
    }, 1000);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#againThisSecond++ < AGAIN_PER_SECOND) again();
      else this.#comeAgain(again);
    }, AGAIN_AFTER_MS);
    this.#timers.add(timer);
  }

  #count(piece: Buffer): void {
    // An answer that is cut between two pieces is missed: these are figures for a report, nothing is judged by them.
    for (const [, status = ""] of piece.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g))
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
