import type { IncomingMessage } from "node:http";

/**
 * What Node's parser lets through and we do not (smuggling.test.ts has the cases): requests that two servers in a row
 * may read differently. The sentence to answer 400 with, or null.
 */
export function faultOfRequestLine(request: IncomingMessage): string | null {
  // RFC 9112 §3.2: a request without Host, or with more than one, is answered 400. Node drops the second.
  const hosts = countHeader(request, "host");
  if (hosts > 1) return "The request has two Host headers; send one.";
  if (hosts === 0 && request.httpVersion === "1.1") return "The request has no Host header; send one.";
  // We are an origin server and no proxy: absolute-form and `*` have no use here but to confuse a front-end.
  if (!request.url?.startsWith("/")) return "The request target must be a path that begins with /.";
  // RFC 9112 §6.1: Transfer-Encoding in HTTP/1.0 is faulty framing.
  if (request.httpVersion === "1.0" && countHeader(request, "transfer-encoding") > 0)
    return "HTTP/1.0 requests cannot be chunked; send Content-Length.";
  return null;
}

/** How often the header was sent: Node keeps only the first of some, joins others. `name` in lower case. */
export function countHeader(request: IncomingMessage, name: string): number {
  let count = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]?.toLowerCase() === name) count += 1;
  }
  return count;
}

/**
 * Whether every `%` of the URL is an escape of UTF-8, and none in the query is NUL (which PostgreSQL's text cannot
 * hold). In the path it is a character that no id has: the same 404 as any other.
 */
export function isWellEncoded(url: string): boolean {
  try {
    const [path = ""] = url.split("?", 1);
    decodeURIComponent(path);
    return !decodeURIComponent(url.slice(path.length)).includes("\0");
  } catch {
    return false;
  }
}
