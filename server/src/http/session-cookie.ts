import type { IncomingMessage } from "node:http";
import { COOKIE_ROUTES } from "../access/cookie-routes.ts";
import { findDashboardCaller, type SignedIn } from "../access/dashboard.ts";
import { isCsrfToken } from "../access/dashboard-secret.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { LIMITS } from "../limits.ts";
import { countHeader } from "./request-line.ts";

/**
 * What the page sends beside the cookie: with each write it has to, with reads it does, so that a tab whose cookie was
 * replaced by a later sign-in of this browser is told so instead of being shown another team's documents. What stands
 * in it: GET /dashboard/session.
 */
export const CSRF_HEADER = "x-wharf-csrf";

/**
 * Whom the dashboard's cookie speaks for, or null. It is no credential at all on another route than those of
 * cookie-routes.ts; in a request that the browser says another origin made; on a write without the page's CSRF token,
 * which no other origin can read; with the token of another session; or when there are two of it, as a page on another
 * port of this host could have set one.
 */
export async function cookieCaller(
  catalogue: Catalogue,
  request: IncomingMessage,
  route: { readonly method: string; readonly url: string },
  publicUrl: string,
): Promise<SignedIn | null> {
  if (!isCookieRoute(route.method, route.url) || comesFromElsewhere(request, publicUrl)) return null;
  const secret = sessionSecretOf(request, publicUrl);
  if (secret === null) return null;
  const token = request.headers[CSRF_HEADER];
  const maySend = token === undefined ? READS.has(route.method) : isCsrfToken(secret, String(token));
  return maySend ? findDashboardCaller(catalogue, secret) : null;
}

const READS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

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

/**
 * Whether a request's answer depends on these: a cache must not mix them up. Origin is there for cookies, too, so it
 * stands beside what cors.ts says.
 */
export const VARY_OF_COOKIE_ROUTES = "Cookie, Origin, Sec-Fetch-Site";

export function isCookieRoute(method: string, url: string | undefined): boolean {
  return COOKIE_ROUTES.has(`${method === "HEAD" ? "GET" : method} ${url}`);
}

/**
 * Another port of this host is the same site, so SameSite=Strict lets it send the cookie. Fetch Metadata says so where
 * the browser tells it: with HTTPS, and on loopback (a typed address says `none`). Elsewhere there is `Origin`, with
 * everything that could be read or change something; it is our own when it is the public URL's, or names the host that
 * was asked, since the cookie is that host's. What comes without either (an image, a frame) may be answered, and is
 * kept from the page that asked by Cross-Origin-Resource-Policy.
 */
function comesFromElsewhere({ headers }: IncomingMessage, publicUrl: string): boolean {
  const { origin, host, "sec-fetch-site": site } = headers;
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  if (origin === undefined || origin === new URL(publicUrl).origin) return false;
  return host === undefined || origin.replace(/^https?:\/\//, "") !== host;
}
