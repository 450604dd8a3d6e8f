import type { Socket } from "node:net";
import { LIMITS } from "../limits.ts";
import { unacknowledgedBytes } from "./kernel-queue.ts";

export interface UnreadAnswersDeps {
  readonly sockets: () => Iterable<Socket>;
  readonly cut: (socket: Socket) => void;
  /** Default limits.unreadAnswerMs. */
  readonly idleMs?: number;
  /** Default unacknowledgedBytes. */
  readonly queues?: typeof unacknowledgedBytes;
}

/** What was seen of a connection at the last look. Any difference is progress. */
interface Sight {
  readonly written: number;
  readonly pending: number;
  /** What the kernel holds; null before it was asked. */
  readonly queued: number | null;
  /** When something last moved. */
  readonly movedAt: number;
}

/**
 * Cuts connections whose client does not take what was written to it, after limits.unreadAnswerMs without progress.
 * Whatever a connection costs (a file, a place for downloads, memory) is free again then.
 *
 * Progress is a byte that the client's machine acknowledged. Node sees less: it learns that the kernel takes more only
 * when a third of a socket's buffer has become free, 0.8 MB on loopback, for which a steady reader of 10 kB/s needs 83
 * s. So a connection that seems to stand still to Node is looked up in the kernel's table as well, and where there is
 * none the reader has limits.unseenProgressMs.
 */
export class UnreadAnswers {
  readonly #deps: UnreadAnswersDeps;
  readonly #idleMs: number;
  readonly #sights = new Map<Socket, Sight>();
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = performance.now();

  constructor(deps: UnreadAnswersDeps) {
    this.#deps = deps;
    this.#idleMs = deps.idleMs ?? LIMITS.unreadAnswerMs;
  }

  start(): void {
    this.#lookedAt = performance.now();
    this.#started = true;
    const next = () => {
      if (!this.#started) return;
      this.#timer = setTimeout(() => void this.look().finally(next), this.#idleMs / LOOKS);
      this.#timer.unref();
    };
    next();
  }

  stop(): void {
    this.#started = false;
    clearTimeout(this.#timer);
  }

  async look(): Promise<void> {
    const now = performance.now();
    // A look that comes late was asleep with the process (SIGSTOP, suspend): nobody could have made progress
    // that was seen.
    if (now - this.#lookedAt > this.#idleMs / LOOKS + LIMITS.lateTimerMs) this.#sights.clear();
    this.#lookedAt = now;
    const still = this.#standingStill(now);
    if (still.size === 0) return;
    const queues = await (this.#deps.queues ?? unacknowledgedBytes)(still.keys());
    for (const [socket, sight] of still) this.#judge(socket, sight, now, queues === null ? null : queues.get(socket));
  }

  /** Those with something to send of which Node has seen nothing go since the last look. */
  #standingStill(now: number): Map<Socket, Sight> {
    const still = new Map<Socket, Sight>();
    const seen = new Map<Socket, Sight>();
    for (const socket of this.#deps.sockets()) {
      const { bytesWritten: written, writableLength: pending } = socket;
      if (pending === 0) continue;
      const last = this.#sights.get(socket);
      if (last?.written === written && last.pending === pending) still.set(socket, last);
      seen.set(socket, still.get(socket) ?? { written, pending, queued: null, movedAt: now });
    }
    this.#sights.clear();
    for (const [socket, sight] of seen) this.#sights.set(socket, sight);
    return still;
  }

  /**
   * `queued`: null = this system does not tell; undefined = the connection is in no table any more, and ends by itself.
   */
  #judge(socket: Socket, last: Sight, now: number, queued: number | null | undefined): void {
    const moved = queued !== null && queued !== undefined && last.queued !== null && last.queued !== queued;
    const sight = { ...last, queued: queued ?? null, movedAt: moved ? now : last.movedAt };
    this.#sights.set(socket, sight);
    const patienceMs = queued === null ? Math.max(this.#idleMs, LIMITS.unseenProgressMs) : this.#idleMs;
    if (now - sight.movedAt < patienceMs) return;
    this.#sights.delete(socket);
    this.#deps.cut(socket);
  }
}

/** Within the idle time: so many chances to see a slow reader move. */
const LOOKS = 6;
