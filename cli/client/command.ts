import type { Command } from "commander";
import type { Wharf } from "../../sdk/src/node.ts";
import { readClientConfig } from "../../server/src/config.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import type { Io } from "../io.ts";
import { connect } from "./connect.ts";
import { toCliError } from "./refusals.ts";

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

/** Runs `work` with a client of the flags' server. */
export async function withWharf<T>(flags: ClientFlags, io: Io, work: (wharf: Wharf) => Promise<T>): Promise<T> {
  const wharf = connect(readClientConfig({ url: flags.url }, io.env), (flags.retryFor ?? 0) * 1000);
  try {
    return await work(wharf);
  } catch (error) {
    throw toCliError(error);
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
