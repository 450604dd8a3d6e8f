import type { Readable } from "node:stream";
import { styleText } from "node:util";

/**
 * Where a command writes, what it reads its settings from, and when it shall stop. Injected, so that tests run
 * commands in place.
 */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Called when a command reads it, and not before: a stdin that was touched is a terminal or a pipe that is read. */
  stdin(): Readable;
  /** undefined: the process's own environment, which config.ts alone reads. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Sink {
  /** A person looks at it: colours and moving bars are welcome. */
  readonly isTerminal: boolean;
  write(text: string): void;
}

/** Text for people: coloured on a terminal that has colours (NO_COLOR is obeyed), plain everywhere else. */
export function styled(sink: Sink, format: Parameters<typeof styleText>[0], text: string): string {
  return sink.isTerminal ? styleText(format, text, { validateStream: true, stream: process.stdout }) : text;
}

/**
 * Text from elsewhere (file names, titles, documents) without what a terminal would obey: an uploaded title must not
 * move the reader's cursor or forge a line.
 */
export function printable(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")
    .replace(/[\t\n]/g, " ");
}

/** The one JSON document that `--json` puts on stdout. */
export function printJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
