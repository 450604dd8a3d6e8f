import { parentPort } from "node:worker_threads";
import type { Answer, Call, FromThread, ToThread } from "./thread-protocol.ts";

/** The thread's side of `ThreadClient`. */
export interface ThreadServer {
  /** What arrives: calls in order, then, once, `close`. */
  listen(listener: { calls(calls: readonly Call[]): void; close(): void }): void;
  ready(): void;
  answer(answers: readonly Answer[], tookMs?: number): void;
  /** Says why the thread must end; the caller returns and does no more work. */
  fatal(message: string): void;
}

export function threadServer(): ThreadServer {
  const port = parentPort;
  if (port === null) throw new Error("this file is the entry of a worker thread");
  const send = (message: FromThread) => port.postMessage(message);
  return {
    listen(listener) {
      port.on("message", (message: ToThread) => {
        if (message.kind === "calls") listener.calls(message.calls);
        else listener.close();
      });
    },
    ready: () => send({ kind: "ready" }),
    answer: (answers, tookMs) => {
      if (answers.length > 0) send({ kind: "answers", answers, tookMs: tookMs ?? null });
    },
    fatal: (message) => send({ kind: "fatal", message }),
  };
}

export type Failed = Extract<Answer, { failure: unknown }>;

/** An error, taken apart for the way back. */
export function failureOf(id: number, error: unknown, code: string | null = null): Failed {
  const known = error instanceof Error ? error : new Error(String(error));
  return { id, failure: { name: known.name, message: known.message, code, stack: known.stack ?? "" } };
}
