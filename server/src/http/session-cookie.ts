import type { IncomingMessage } from "node:http";
import { COOKIE_ROUTES } from "../access/cookie-routes.ts";
import { findDashboardCaller, type SignedIn } from "../access/dashboard.ts";
import { isCsrfToken } from "../access/dashboard-secret.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { countHeader } from "./request-line.ts";

/** The header of writes that come with the cookie; what stands in it: GET /dashboard/session. */
export const CSRF_HEADER = "x-wharf-csrf";

/**
 * Whom the dashboard's cookie speaks for, or null. It is no credential at all on another route than those of
 * cookie-routes.ts; in a request that the browser says another origin made; on a write without the page's CSRF token,
 * which no other origin can read; or when there are two of it, as a page on another port of this host could have set
 * one.
 */
export async function cookieCaller(
  catalogue: Catalogue,
  request: IncomingMessage,
  route: { readonly method: string; readonly url: string },
  publicUrl: string,
): Promise<SignedIn | null> {
  const method = route.method === "HEAD" ? "GET" : route.method;
  if (!COOKIE_ROUTES.has(`${method} ${route.url}`) || comesFromElsewhere(request)) return null;
  const secret = sessionSecretOf(request, publicUrl);
  if (secret === null) return null;
  const token = request.headers[CSRF_HEADER];
  const maySend = method === "GET" || (typeof token === "string" && isCsrfToken(secret, token));
  return maySend ? findDashboardCaller(catalogue, secret) : null;
}

/** The cookie's value; null: there is none, or not exactly one. */
export function sessionSecretOf(request: IncomingMessage, publicUrl: string): string | null {
  const header = request.headers.cookie;
  if (header === undefined || countHeader(request, "cookie") !== 1) return null;
  const start = `${cookieOf(publicUrl).name}=`;
  const found = header.split(";").map((part) => part.trim());
  const [value, ...more] = found.filter((part) => part.startsWith(start));
  return value === undefined || more.length > 0 ? null : value.slice(start.length);
}

/** The `Set-Cookie` of a session; with null, of its end. */
export function setCookie(publicUrl: string, secret: string | null): string {
  const { name, attributes } = cookieOf(publicUrl);
  const seconds = secret === null ? 0 : LIMITS.dashboardSessionMs / 1000;
  return [`${name}=${secret ?? ""}`, ...attributes, "HttpOnly", "SameSite=Strict", `Max-Age=${seconds}`].join("; ");
}

/**
 * Where TLS ends before us, `__Host-`: no other host and no plain HTTP can have set it. That prefix wants the path
 * `/`, also below a sub-path. Without TLS the name holds the port: cookies are shared by all ports of a host, and two
 * servers on one must not sign each other out.
 */
function cookieOf(publicUrl: string): { readonly name: string; readonly attributes: readonly string[] } {
  const { protocol, port, pathname } = new URL(publicUrl);
  if (protocol === "https:") return { name: "__Host-wharf_session", attributes: ["Path=/", "Secure"] };
  return { name: `wharf_session_${port === "" ? "80" : port}`, attributes: [`Path=${pathname}`] };
}

/** What Fetch Metadata says, where the browser tells it: with HTTPS, and on loopback. A typed address says `none`. */
function comesFromElsewhere({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  return site !== undefined && site !== "same-origin" && site !== "none";
}
