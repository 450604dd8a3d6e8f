import { Readable } from "node:stream";

/** One exchange with this server's own routes, within the process (http/in-process.ts). */
export type Exchange = (call: ExchangeCall) => Promise<ExchangeAnswer>;

export interface ExchangeCall {
  readonly method: string;
  /** From the root, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Aborting it is a client that leaves. */
  readonly signal: AbortSignal;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

const NEVER = new AbortController().signal;

/**
 * `fetch` for the client library, of this process alone: whatever the URL's host is, the routes of this server
 * answer.
 */
export function ownFetch(exchange: Exchange): typeof fetch {
  return async (input, init = {}) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const { method = "GET", headers, body = null, signal } = init;
    if (body !== null && typeof body !== "string" && !(body instanceof Uint8Array))
      throw new TypeError("a body within the process is text or bytes");
    const answer = await exchange({
      method,
      // An upload_url has the public URL's path, and behind a proxy perhaps more of it than we are asked for.
      path: `${pathname.slice(pathname.lastIndexOf("/v1/"))}${search}`,
      headers: Object.fromEntries(new Headers(headers)),
      body: typeof body === "string" ? Buffer.from(body) : body,
      signal: signal ?? NEVER,
    });
    const { status } = answer;
    return new Response(hasNoBody(status) ? null : Readable.toWeb(answer.body), { status, headers: answer.headers });
  };
}

/** A Response of these may have none. */
function hasNoBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
