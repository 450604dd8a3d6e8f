import { Buffer } from "node:buffer";
import { type OutgoingHttpHeaders, request } from "node:http";

export interface HttpCall {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** A list or a stream is sent piece by piece with chunked encoding unless a Content-Length is given. */
  readonly body?: Uint8Array | string | readonly Uint8Array[] | AsyncIterable<Uint8Array>;
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

/**
 * One request on a connection of its own: a kept connection that the server closes just then would make tests flaky. Rejects when the
 * connection breaks before an answer came, or after `timeoutMs` (20 s).
 */
export function http(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, timeoutMs = 20_000 } = call;
  return new Promise((resolve, reject) => {
    const target = new URL(url);
    const outgoing = request({
      host: target.hostname,
      port: target.port,
      // Not target.pathname: a malformed percent-encoding must go out as it stands.
      path: url.slice(target.origin.length) || "/",
      method,
      agent: false,
      headers: { ...lengthOf(method, headers, body), ...headers },
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${method}: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const fail = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    outgoing.on("error", fail);
    outgoing.on("response", (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(timer);
        const all = Buffer.concat(pieces);
        outgoing.destroy();
        resolve({
          status: response.statusCode ?? 0,
          reason: response.statusMessage ?? "",
          headers: flat(response.headersDistinct),
          body: all,
          text: all.toString("utf8"),
          json: parsed(all.toString("utf8")),
        });
      });
    });
    void send(outgoing, body);
  });
}

async function send(outgoing: ReturnType<typeof request>, body: HttpCall["body"]): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  for await (const piece of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece))
      await new Promise<void>((resolve) => {
        outgoing.once("drain", resolve);
        outgoing.once("close", resolve);
      });
  }
  outgoing.end();
}

function lengthOf(method: string, headers: OutgoingHttpHeaders, body: HttpCall["body"]): OutgoingHttpHeaders {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.includes("content-length") || names.includes("transfer-encoding")) return {};
  if (body === undefined) return method === "PUT" || method === "POST" ? { "Content-Length": 0 } : {};
  if (typeof body === "string") return { "Content-Length": Buffer.byteLength(body) };
  return body instanceof Uint8Array ? { "Content-Length": body.length } : {};
}

function flat(headers: NodeJS.Dict<string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, (values ?? []).join(", ")]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
