import type { IncomingMessage } from "node:http";
import { LIMITS } from "../limits.ts";

/** Why a body ended before its end. */
export type CutReason = "disconnected" | "stalled" | "too slow" | "stopped";

export class BodyCutError extends Error {
  override readonly name = "BodyCutError";
  readonly reason: CutReason;

  constructor(reason: CutReason) {
    super(`the request body was cut: ${reason}`);
    this.reason = reason;
  }
}

const TICK_MS = 1000;
const WINDOW_TICKS = LIMITS.uploadRateWindowMs / TICK_MS;
const IDLE_TICKS = LIMITS.uploadIdleMs / TICK_MS;
const LEAST_BYTES = LIMITS.uploadMinBytesPerSecond * WINDOW_TICKS;

/**
 * A request body under PUT-19: cut when no byte came for 30 s or fewer than 512 B/s over 60 s; a steady faster
 * upload never is. Only time spent waiting for the client counts, not time that our disk takes. A tick that comes
 * late (the process was stopped) starts the measure afresh.
 */
export class UploadBody {
  readonly #request: IncomingMessage;
  readonly #onTick: () => void;
  #reason: CutReason | null = null;
  #waiting = false;
  #idleTicks = 0;
  /** Bytes of the last WINDOW_TICKS ticks that counted. */
  #window: number[] = [];
  #tickBytes = 0;
  #lastTick = performance.now();

  /** `onTick` runs each second while the body is read. */
  constructor(request: IncomingMessage, onTick: () => void = () => {}) {
    this.#request = request;
    this.#onTick = onTick;
  }

  /** The bytes as they come. Throws BodyCutError; ends normally only when the whole body is here (A5, A6). */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const timer = setInterval(() => this.#tick(), TICK_MS);
    timer.unref();
    try {
      this.#waiting = true;
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
        this.#waiting = false;
        this.#tickBytes += chunk.length;
        this.#idleTicks = 0;
        yield chunk;
        this.#waiting = true;
      }
    } catch {
      throw new BodyCutError(this.#reason ?? "disconnected");
    } finally {
      clearInterval(timer);
    }
    // A truncated chunked body ends the stream without an error.
    if (this.#reason !== null || !this.#request.complete) throw new BodyCutError(this.#reason ?? "disconnected");
  }

  /**
   * Reads what is left and drops it: true when it ended within `maxBytes`, false when more came, which stays
   * unread.
   */
  async drain(maxBytes: number): Promise<boolean> {
    let dropped = 0;
    for await (const chunk of this.chunks()) {
      dropped += chunk.length;
      if (dropped > maxBytes) return false;
    }
    return true;
  }

  /** Ends the body from our side; the reader sees BodyCutError with this reason. */
  cut(reason: CutReason): void {
    this.#reason ??= reason;
    this.#request.destroy();
  }

  #tick(): void {
    const now = performance.now();
    const late = now - this.#lastTick > TICK_MS + LIMITS.lateTimerMs;
    this.#lastTick = now;
    if (late) {
      this.#idleTicks = 0;
      this.#window = [];
      this.#tickBytes = 0;
    } else if (this.#waiting) this.#measure();
    this.#onTick();
  }

  #measure(): void {
    this.#idleTicks += 1;
    this.#window.push(this.#tickBytes);
    this.#tickBytes = 0;
    if (this.#window.length > WINDOW_TICKS) this.#window.shift();
    if (this.#idleTicks >= IDLE_TICKS) this.cut("stalled");
    const full = this.#window.length === WINDOW_TICKS;
    if (full && this.#window.reduce((sum, bytes) => sum + bytes, 0) < LEAST_BYTES) this.cut("too slow");
  }
}
