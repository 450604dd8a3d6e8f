import { pino } from "pino";

/** The levels of `WHARF_LOG_LEVEL`. */
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the service logs to: one JSON object a line on stderr; stdout is for people. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
}

/**
 * Fields are chosen by the caller from ids, counts and states. Keys, upload URLs, header values and document text are
 * never passed in; the redaction of whatever looks like one is the second fence, not the first.
 */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redactSecrets },
      serializers: { err: pino.stdSerializers.err },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** A line without API keys and upload signatures. */
export function redactSecrets(line: string): string {
  return line
    .replace(/\bsk_[A-Za-z0-9_]{16,}/g, "sk_[redacted]")
    .replace(/(\/v1\/uploads\/[A-Za-z0-9_]+\/)[A-Za-z0-9_-]{8,}/g, "$1[redacted]");
}
