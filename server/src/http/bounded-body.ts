import type { IncomingMessage, ServerResponse } from "node:http";
import { startDeadline } from "../deadline.ts";
import { toError, WharfError } from "../errors.ts";

/**
 * The whole body, at most `maxBytes` (else `request_too_large`) and within `timeoutMs` from now (else
 * `invalid_request`). What is too much is left unread and paused; the stream is not destroyed, so that an answer can
 * still be sent.
 */
export function readBounded(
  request: IncomingMessage,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<Uint8Array> {
  const cut = (cause?: Error) =>
    new WharfError("invalid_request", {
      message: "The connection ended before the body did; send the request again.",
      cause,
    });
  const tooLarge = () => new WharfError("request_too_large", { details: { max_bytes: limits.maxBytes } });
  // An honest client that declares too much is told before it sends it.
  if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) return Promise.reject(tooLarge());
  // Gone before anybody listened: no event would come any more, and the deadline would keep a server that
  // stops waiting.
  if (request.destroyed) return Promise.reject(cut());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Uint8Array | Error): void => {
      cancelDeadline();
      request.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      if (result instanceof Error) {
        request.pause();
        reject(result);
      } else resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.maxBytes) settle(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(Buffer.concat(chunks));
    const onError = (error: unknown): void => settle(cut(toError(error)));
    const onClose = (): void => settle(cut());
    const cancelDeadline = startDeadline(limits.timeoutMs, () => {
      const message = `The body did not arrive within ${limits.timeoutMs / 1000} seconds.`;
      settle(new WharfError("invalid_request", { message, headers: { Connection: "close" } }));
    });
    request.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}

/** Whether the request announces a body (RFC 9112 §6). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0);
}

/**
 * Reads and drops the rest of the body: true when it ended within the limits, false when the client still sends
 * (or is gone).
 */
export function dropBody(
  request: IncomingMessage,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<boolean> {
  if (request.readableEnded || request.complete) return Promise.resolve(true);
  if (request.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    let size = 0;
    const settle = (whole: boolean): void => {
      cancelDeadline();
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      resolve(whole);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.maxBytes) settle(false);
    };
    const onEnd = (): void => settle(true);
    const onGone = (): void => settle(false);
    const cancelDeadline = startDeadline(limits.timeoutMs, onGone);
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    // What was too much was paused (readBounded), and stays so for a listener.
    request.resume();
  });
}

/** Requests that sent `Expect: 100-continue` and wait for the word, with what says it. */
const waiting = new WeakMap<IncomingMessage, () => void>();

/** Sends `100 Continue` when the body is first read, so that a refused request gets its final answer instead. */
export function continueOnRead(request: IncomingMessage, response: ServerResponse): void {
  const say = () => {
    if (waiting.delete(request) && !response.headersSent) response.writeContinue();
  };
  waiting.set(request, say);
  request.once("resume", say);
}

/** For who reads by iterating: that resumes nothing. */
export function letContinue(request: IncomingMessage): void {
  waiting.get(request)?.();
}

export function awaitsContinue(request: IncomingMessage): boolean {
  return waiting.has(request);
}
