import { Attempt, readWithin, type Send } from "./exchange.ts";

export type Fetch = typeof fetch;

/** Over `fetch`: in browsers, and wherever somebody gives one. */
export function fetchSend(doFetch: Fetch): Send {
  return async (request) => {
    const { method, url, headers, body } = request;
    const attempt = new Attempt(request);
    try {
      attempt.moved();
      const response = await doFetch(url, {
        method,
        headers: { ...headers },
        ...(body === undefined ? {} : { body }),
        signal: attempt.signal,
        // A key must not go where a redirect leads. The 308 of an upload_url has no Location and is none, but "manual"
        // would hide it from a page.
        redirect: "Authorization" in headers ? "manual" : "follow",
      });
      attempt.rest();
      return {
        status: response.status,
        header: (name) => response.headers.get(name),
        chunks: () => readWithin(chunksOf(response), attempt),
        cancel: () => attempt.cancel(),
      };
    } catch (error) {
      throw attempt.failure(error);
    }
  };
}

/** Not every browser can walk a stream by itself. */
async function* chunksOf({ body }: Response): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
