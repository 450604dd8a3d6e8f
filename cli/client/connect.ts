import { Wharf } from "../../sdk/src/node.ts";
import type { ClientConfig } from "../../server/src/config.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** The client library for the server that the settings name. `retryForMs`: how long one call is tried again. */
export function connect(config: ClientConfig, retryForMs: number): Wharf {
  return new Wharf({ baseUrl: config.url, apiKey: keyOf(config), retryForMs });
}

function keyOf({ apiKey }: ClientConfig): string {
  if (apiKey === null || apiKey === "")
    throw new CliError(
      EXIT.config,
      "config",
      "WHARF_API_KEY is not set: export the key that the first start printed, or make one with wharf keys create.",
    );
  if (!/^[\x21-\x7e]+$/.test(apiKey))
    throw new CliError(EXIT.config, "config", "WHARF_API_KEY holds characters that no key has: paste it again.");
  return apiKey;
}
