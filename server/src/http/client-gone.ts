import type { FastifyReply } from "fastify";

/**
 * Aborted when nobody waits for the answer any more: the client closed its connection, or the server cut it. A handler
 * that holds or queues work listens to this and lets the work go; what it returns afterwards is dropped. Never aborted
 * once the answer is out.
 *
 * The response's `close` and not the request's: a request "closes" as soon as its body has been read.
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  // It may have left while its key was looked up: then the event has passed.
  if (reply.raw.destroyed && !reply.raw.writableFinished) gone.abort();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
