import { Store } from "./store.ts";
import type { Place } from "./wire.ts";

/**
 * Where in the dashboard: what stands behind `#`. It is never sent to a server, and holds ids and questions, no
 * credential.
 */
export type Route =
  | { readonly page: "drop" }
  | { readonly page: "ask"; readonly query: string; readonly bucket: string; readonly place: Place | null }
  | { readonly page: "files"; readonly filter: FileFilter }
  | { readonly page: "file"; readonly id: string; readonly at: number }
  | { readonly page: "buckets" }
  | { readonly page: "health" };

export interface FileFilter {
  readonly name: string;
  readonly bucket: string;
  readonly status: string;
  readonly order: string;
}

export const NO_FILTER: FileFilter = { name: "", bucket: "", status: "", order: "newest" };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, id = ""] = path.split("/", 2);
  const params = new URLSearchParams(query);
  const text = (name: string) => params.get(name) ?? "";
  switch (page) {
    case "ask":
      return { page, query: text("q"), bucket: text("bucket"), place: placeIn(params) };
    case "files": {
      const filter = { name: text("name"), bucket: text("bucket"), status: text("status") };
      return { page, filter: { ...filter, order: text("order") === "oldest" ? "oldest" : "newest" } };
    }
    case "file":
      return { page, id, at: wholeNumber(params, "page") };
    case "buckets":
    case "health":
      return { page };
    default:
      return { page: "drop" };
  }
}

export function hashOf(route: Route): string {
  switch (route.page) {
    case "drop":
      return "#/";
    case "ask": {
      const { query, bucket, place } = route;
      const at = place === null ? {} : { file: place.fileId, page: place.page, from: place.start, to: place.end };
      return `#/ask${queryOf({ q: query, bucket, ...at })}`;
    }
    case "files": {
      const { name, bucket, status, order } = route.filter;
      return `#/files${queryOf({ name, bucket, status, order: order === "oldest" ? order : "" })}`;
    }
    case "file":
      return `#/file/${encodeURIComponent(route.id)}${queryOf({ page: route.at > 1 ? route.at : "" })}`;
    default:
      return `#/${route.page}`;
  }
}

function queryOf(params: Readonly<Record<string, string | number>>): string {
  const given = Object.entries(params).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

function placeIn(params: URLSearchParams): Place | null {
  const fileId = params.get("file") ?? "";
  if (fileId === "") return null;
  const [page, start, end] = [wholeNumber(params, "page"), wholeNumber(params, "from"), wholeNumber(params, "to")];
  return { fileId, filename: "", page: Math.max(1, page), start, end };
}

function wholeNumber(params: URLSearchParams, name: string): number {
  const value = Number(params.get(name));
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

export const route = new Store<Route>({ page: "drop" });

/** The secret of a link that signs in, which stands where a page's name would; null: it is a page. */
export function linkIn(hash: string): string | null {
  return /^#link=(.*)$/.exec(hash)?.[1] ?? null;
}

/** Follows the address from now on. */
export function followAddress(): void {
  const read = () => route.set(parseRoute(location.hash));
  addEventListener("hashchange", read);
  read();
}

/** `replace`: the Back button passes over where this was. */
export function go(to: Route, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, "", hashOf(to));
  else history.pushState(null, "", hashOf(to));
  route.set(to);
}
