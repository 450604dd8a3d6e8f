import { createMcpHandler } from "@modelcontextprotocol/server";
import { Wharf } from "../../../sdk/src/wharf.ts";
import { type Exchange, ownFetch } from "./own-fetch.ts";
import { createMcpServer, type McpServerOptions } from "./server.ts";
import { createTools } from "./tools.ts";

export interface McpPost extends Pick<McpServerOptions, "ended" | "failed"> {
  readonly exchange: Exchange;
  readonly apiKey: string;
  /** The body's value. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted when the client left. */
  readonly gone: AbortSignal;
}

/**
 * Answers one POST to `/mcp`: streamable HTTP without sessions, in the revisions of the protocol that the SDK knows
 * (2025, and 2026 without a handshake). Nothing is kept between two requests, so a restart or a second server behind
 * a proxy is nothing that a client notices; in return there is nothing to subscribe to. Loaded at the first request
 * (0.1 s), not at the start.
 */
export function answerPost({ exchange, apiKey, body, headers, gone, ...told }: McpPost): Promise<Response> {
  // What is refused is told: whether it is worth another try is the agent's to judge, and a place here is held
  // meanwhile.
  const wharf = new Wharf({ baseUrl: "http://in-process", apiKey, fetch: ownFetch(exchange), retryForMs: 0 });
  const serve = () => createMcpServer({ wharf, tools: TOOLS, inTurn: oneAfterTheOther(), ...told });
  const handler = createMcpHandler(serve, {
    // Nothing of a list changes without a new call, and each stream would hold a connection for nothing.
    maxSubscriptions: 0,
  });
  // Nothing is at this address: only its method, headers and signal are looked at.
  const request = new Request("http://wharf.invalid/mcp", { method: "POST", headers, signal: gone });
  return handler.fetch(request, { parsedBody: withoutCancellations(body) });
}

/**
 * A cancellation names a request that is under way, and here each POST stands for itself: in one it can only mean
 * another message of the same batch. The SDK answers a cancelled request never, and ends the stream of a batch when
 * all are answered: that batch would stay open for good. "Receivers MAY ignore" it, so the request is answered.
 */
function withoutCancellations(body: unknown): unknown {
  if (!Array.isArray(body)) return body;
  const rest = body.filter((message: unknown) => !isCancellation(message));
  return rest.length === 0 ? body : rest;
}

function isCancellation(message: unknown): boolean {
  if (typeof message !== "object" || message === null || !("method" in message)) return false;
  return message.method === "notifications/cancelled";
}

const TOOLS = createTools({ local: null });

/** A batch of a hundred calls is no crowd: it is one caller. */
function oneAfterTheOther(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}
