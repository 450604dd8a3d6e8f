/**
 * How a command ended, for scripts. From 64 up they are sysexits(3). `wharf --help` and the README print this table.
 */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  someFailed: 3,
  timedOut: 4,
  unreachable: 69,
  io: 74,
  stopHung: 75,
  keyRefused: 77,
  config: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failure: "the server refused, or something else went wrong",
  usage: "the command line is wrong",
  someFailed: "at least one file was not uploaded or could not be indexed",
  timedOut: "--wait ran out of time; the files are safe and still being indexed",
  unreachable: "the server does not answer",
  io: "the server's disk failed; what was acknowledged is on it",
  stopHung: "the server did not stop in time and ended all the same; what was acknowledged is on its disk",
  keyRefused: "WHARF_API_KEY is not valid, or may not do that",
  config: "a setting cannot be used; the message names it",
  interrupted: "stopped by a signal; upload goes on where it was when it is run again",
};

export function exitCodes(): readonly { readonly code: ExitCode; readonly meaning: string }[] {
  const names = Object.keys(EXIT).filter((name): name is keyof typeof EXIT => name in EXIT);
  return names.map((name) => ({ code: EXIT[name], meaning: EXIT_MEANINGS[name] }));
}

/** Ends the command with one sentence (stderr, or `error` of the JSON) and its code. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** What `--json` calls it. */
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = code;
  }
}
