import type { Command } from "commander";
import { readClientConfig } from "../../server/src/config.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { Api } from "./api.ts";
import { realTiming } from "./patience.ts";

/** What every client command takes. The key has no flag: arguments stand in `ps`. */
export interface ClientFlags {
  readonly url?: string;
  readonly retryFor?: number;
  readonly json?: true;
}

export function addClientFlags(command: Command, retryForSeconds: number): Command {
  return command
    .option("--url <url>", "the server, with or without /v1 (WHARF_URL; default: http://127.0.0.1:8686)")
    .option(
      "--retry-for <seconds>",
      `keep trying for so long while the server does not answer (default: ${retryForSeconds})`,
      wholeNumber("--retry-for", 0, 86_400),
      retryForSeconds,
    )
    .option("--json", "print one JSON document");
}

/** Runs `work` with a client for the flags' server. */
export async function withApi<T>(flags: ClientFlags, io: Io, work: (api: Api) => Promise<T>): Promise<T> {
  const config = readClientConfig({ url: flags.url }, io.env);
  const patienceMs = (flags.retryFor ?? 0) * 1000;
  const api = new Api({ config, signal: io.signal, timing: realTiming, patienceMs });
  try {
    return await work(api);
  } finally {
    api.close();
  }
}

/** Argument parser of a number flag. */
export function wholeNumber(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new CliError(EXIT.usage, "usage", `${flag} takes a whole number from ${min} to ${max}, not "${text}".`);
  };
}

/** Argument parser of a flag that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
