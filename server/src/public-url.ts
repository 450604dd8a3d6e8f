import type { Config } from "./config.ts";

/**
 * How clients reach a server with these settings that listens on `port`: WHARF_PUBLIC_URL, or computed. Without a
 * trailing slash.
 */
export function publicUrlAt({ publicUrl, host }: Pick<Config, "publicUrl" | "host">, port: number): string {
  return publicUrl ?? `http://${reachableHost(host)}:${port}`;
}

/** A wildcard address is reached by loopback from this machine; from others, WHARF_PUBLIC_URL says how. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
