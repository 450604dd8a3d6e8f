import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { LIMITS } from "../limits.ts";
import { awaitsContinue, dropBody, hasBody } from "./bounded-body.ts";
import type { App } from "./route.ts";

/**
 * An answer given before the body was read (401, 413 …) must reach a client that is still sending: closing with unread
 * bytes makes the kernel send a reset, and the client loses the answer. So the answer goes out whole, then the rest is
 * read and dropped, for a bounded time and size, and only then does the response end.
 */
export function addLingering(app: App): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const { raw } = request;
    if (!hasBody(raw) || raw.readableEnded) return payload;
    if (awaitsContinue(raw)) {
      // The client sends nothing until it is told to; it may also send all the same, so this connection has no
      // next request.
      reply.header("Connection", "close");
      return payload;
    }
    if (typeof payload === "string") return answerThenDrop(request, reply, payload);
    // A body on a GET that streams, or on a HEAD: nobody reads it, so the connection ends with the answer.
    reply.header("Connection", "close");
    return payload;
  });
}

function answerThenDrop(request: FastifyRequest, reply: FastifyReply, payload: string): Readable {
  const { raw } = request;
  // A small body is worth reading to keep the connection; after a large one it ends.
  const small = Number(raw.headers["content-length"] ?? Number.POSITIVE_INFINITY) <= LIMITS.jsonBodyBytes;
  if (!small) reply.header("Connection", "close");
  reply.header("Content-Length", Buffer.byteLength(payload));
  const limits = { maxBytes: LIMITS.refusalDrainBytes, timeoutMs: LIMITS.refusalDrainMs };
  return Readable.from(
    (async function* () {
      yield Buffer.from(payload);
      if (!(await dropBody(raw, limits))) raw.socket.destroySoon();
    })(),
  );
}
