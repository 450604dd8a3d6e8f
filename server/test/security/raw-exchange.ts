import { connect } from "node:net";
import { answersIn, type RawAnswers } from "./raw-answers.ts";

export interface Exchange extends RawAnswers {
  /** From our end to the end of the connection; 0 when the server ended it first. */
  readonly tookMs: number;
}

export interface ExchangeOptions {
  /**
   * "wait": the server ends the connection. "half-close": after a silence we say that nothing more comes. "reset": we
   * hang up after a moment.
   */
  readonly ending?: "wait" | "half-close" | "reset";
  readonly patienceMs?: number;
}

/**
 * Longer than most answers take, so that they are seen: Node gives up what is not answered yet when our half closes.
 */
const SILENCE_MS = 40;
const SILENCE_AFTER_ANSWER_MS = 10;
/** What a client that hangs up lets the server work on. */
const HANG_UP_MS = 5;
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Writes bytes on a connection of their own and reads until it is closed. Never rejects: a reset is an end like
 * others here.
 */
export function exchangeBytes(
  url: string,
  bytes: Buffer | string,
  { ending = "wait", patienceMs = 30_000 }: ExchangeOptions = {},
): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const sent = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const pieces: Buffer[] = [];
    let length = 0;
    let endedAt: number | null = null;
    let silence: NodeJS.Timeout | undefined;
    const patience = setTimeout(() => socket.destroy(), patienceMs);
    const endAfter = (ms: number) => {
      if (ending === "wait" || endedAt !== null) return;
      clearTimeout(silence);
      silence = setTimeout(() => {
        endedAt = performance.now();
        if (ending === "reset") socket.resetAndDestroy();
        else socket.end();
      }, ms);
    };
    socket.on("data", (piece) => {
      if (length < MOST_KEPT_BYTES) pieces.push(piece);
      length += piece.length;
      endAfter(SILENCE_AFTER_ANSWER_MS);
    });
    socket.on("error", () => {});
    socket.once("end", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(patience);
      clearTimeout(silence);
      const tookMs = endedAt === null ? 0 : performance.now() - endedAt;
      resolve({ ...answersIn(Buffer.concat(pieces), sent.includes("HEAD ")), tookMs });
    });
    socket.once("connect", () => {
      socket.write(sent);
      endAfter(ending === "reset" ? HANG_UP_MS : SILENCE_MS);
    });
  });
}
