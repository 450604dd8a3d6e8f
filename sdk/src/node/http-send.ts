import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Attempt, type Exchange, type OpenAnswer, readWithin, type Send } from "../core/exchange.ts";

/**
 * Over Node's own client: each call costs it less than half of the processor time of its fetch, and a program that
 * uploads many small files does little else (decision 0047). Connections are kept for the next request; idle ones keep
 * no process running.
 */
export function httpSend(): Send {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true });
  return async (exchange) => {
    const options = optionsOf(exchange);
    const attempt = new Attempt(exchange);
    return new Promise((resolve, reject) => {
      const request = exchange.url.startsWith("https:")
        ? httpsRequest(exchange.url, { ...options, agent: https })
        : httpRequest(exchange.url, { ...options, agent: http });
      // Not by the option `signal`: it would end the connection too, which is the next request's by then.
      attempt.signal.addEventListener("abort", () => request.destroy(), { once: true });
      // Bytes that the kernel takes count, so that a slow line is not taken for a lost one.
      request.setTimeout(exchange.idleMs, () => attempt.late());
      request.on("error", (error) => reject(attempt.failure(error)));
      request.on("response", (response) => {
        request.setTimeout(0);
        // The server has decided: what is not sent yet need not be.
        response.on("end", () => request.writableFinished || request.destroy());
        resolve(answerOf(response, attempt));
      });
      request.end(exchange.body);
    });
  };
}

function optionsOf({ method, headers, body }: Exchange) {
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  return { method, headers: { ...headers, ...length } };
}

function answerOf(response: IncomingMessage, attempt: Attempt): OpenAnswer {
  return {
    status: response.statusCode ?? 0,
    header: (name) => response.headersDistinct[name.toLowerCase()]?.[0] ?? null,
    chunks: () => readWithin(response[Symbol.asyncIterator](), attempt),
    cancel: () => attempt.cancel(),
  };
}
