import type { BlockList } from "node:net";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { DEFAULTS } from "./limits.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { addressRanges, baseUrl, ConfigError, integerWithin, nonEmpty, oneOf, origins } from "./setting-values.ts";

export { ConfigError };

export const EXIT_CONFIG = 78;

export interface Config {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Absolute base of `upload_url`, without a trailing slash; null = computed from host and port once listening. */
  readonly publicUrl: string | null;
  /** Absolute path. */
  readonly dataDir: string;
  readonly sessionTtlSeconds: number;
  /** Origins that may use `upload_url` from a browser; "*" = any (safe: the URL itself is the credential). */
  readonly uploadOrigins: readonly string[];
  /** Origins whose pages may call the rest of the API; none by default: a key in a page is everybody's who sees it. */
  readonly apiOrigins: readonly string[];
  readonly createsPerSecond: number;
  readonly maxFileBytes: number;
  readonly bucketsPerTeam: number;
  /** Disk that creates and uploads leave free; null = the smaller of 1 GiB and 5 % of the disk. */
  readonly diskReserveBytes: number | null;
  /** Server secret behind upload URLs; null = generated into the data folder. */
  readonly secret: string | null;
  /** Absolute path of the new file that the first start writes its key into; null = printed. */
  readonly firstKeyFile: string | null;
  /** Places for documents that are being read at once. */
  readonly workers: number;
  readonly logLevel: LogLevel;
  /** Who may read `/metrics`. */
  readonly metrics: MetricsAudience;
  /** Whether `/docs` and `/openapi.json` are there. */
  readonly docs: boolean;
  /** Peers that limits.connectionsPerPeer is not for. */
  readonly unlimitedPeers: BlockList;
  readonly sandbox: SandboxMode;
  /** Base URL of the chat server that writes answers, without a trailing slash; null = they are quoted. */
  readonly llmUrl: string | null;
  readonly llmModel: string | null;
  readonly llmApiKey: string | null;
}

export type MetricsAudience = "loopback" | "public";

/**
 * How strong the jail of the readers has to be: `require` starts with the full one alone, `reduced` with the strongest
 * that there is.
 */
const SANDBOX_MODES = ["require", "reduced", "off"] as const;
export type SandboxMode = (typeof SANDBOX_MODES)[number];

interface Setting<T> {
  readonly env: string;
  readonly flag: string;
  /** Placeholder of the flag's value in `--help`. */
  readonly value: string;
  /** What it does, with its unit. */
  readonly say: string;
  /** The default as a person reads it. */
  readonly shown: string;
  readonly fallback: () => T;
  readonly parse: (text: string) => T;
}

/** Where proxies on this machine are. */
const LOOPBACK = "127.0.0.0/8,::1";

/** Every setting of the server: an environment variable and a flag each. The README's table is generated from this. */
export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  host: {
    env: "WHARF_HOST",
    flag: "--host",
    value: "address",
    say: "address to listen on",
    shown: "127.0.0.1",
    fallback: () => "127.0.0.1",
    parse: nonEmpty,
  },
  port: {
    env: "WHARF_PORT",
    flag: "--port",
    value: "number",
    say: "TCP port; 0 takes any free one",
    shown: "8686",
    fallback: () => 8686,
    parse: integerWithin(0, 65_535),
  },
  publicUrl: {
    env: "WHARF_PUBLIC_URL",
    flag: "--public-url",
    value: "url",
    say: "base of the upload_url that clients get; set it behind a proxy or on a public address",
    shown: "http://host:port",
    fallback: () => null,
    parse: baseUrl,
  },
  dataDir: {
    env: "WHARF_DATA_DIR",
    flag: "--data-dir",
    value: "folder",
    say: "folder that holds everything; made with mode 0700",
    shown: "./wharf-data",
    fallback: () => resolve("wharf-data"),
    parse: (text) => resolve(nonEmpty(text)),
  },
  sessionTtlSeconds: {
    env: "WHARF_SESSION_TTL_SECONDS",
    flag: "--session-ttl-seconds",
    value: "seconds",
    say: "life of a new upload session, in seconds",
    shown: String(DEFAULTS.sessionTtlSeconds),
    fallback: () => DEFAULTS.sessionTtlSeconds,
    parse: integerWithin(1, 86_400),
  },
  uploadOrigins: {
    env: "WHARF_UPLOAD_ORIGINS",
    flag: "--upload-origins",
    value: "origins",
    say: "web origins that may upload from a browser, separated by commas; * is any",
    shown: "*",
    fallback: () => ["*"],
    parse: origins,
  },
  apiOrigins: {
    env: "WHARF_API_ORIGINS",
    flag: "--api-origins",
    value: "origins",
    say: "web origins whose pages may call the whole API, with a key, separated by commas; * is any",
    shown: "none",
    fallback: () => [],
    parse: origins,
  },
  createsPerSecond: {
    env: "WHARF_CREATES_PER_SECOND",
    flag: "--creates-per-second",
    value: "number",
    say: "upload sessions that a team may create in any one second",
    shown: String(DEFAULTS.createsPerSecond),
    fallback: () => DEFAULTS.createsPerSecond,
    parse: integerWithin(1, 1_000_000),
  },
  maxFileBytes: {
    env: "WHARF_MAX_FILE_BYTES",
    flag: "--max-file-bytes",
    value: "bytes",
    say: "largest file, in bytes",
    shown: String(DEFAULTS.maxFileBytes),
    fallback: () => DEFAULTS.maxFileBytes,
    parse: integerWithin(1, 1_073_741_824),
  },
  bucketsPerTeam: {
    env: "WHARF_BUCKETS_PER_TEAM",
    flag: "--buckets-per-team",
    value: "number",
    say: "buckets that a team may have, archived ones too; what is there above it stays",
    shown: String(DEFAULTS.bucketsPerTeam),
    fallback: () => DEFAULTS.bucketsPerTeam,
    parse: integerWithin(1, 1_000_000),
  },
  diskReserveBytes: {
    env: "WHARF_DISK_RESERVE_BYTES",
    flag: "--disk-reserve-bytes",
    value: "bytes",
    say: "disk that creates and uploads leave free, in bytes",
    shown: "the smaller of 1 GiB and 5 % of the disk",
    fallback: () => null,
    parse: integerWithin(0, Number.MAX_SAFE_INTEGER),
  },
  secret: {
    env: "WHARF_SECRET",
    flag: "--secret-file",
    value: "file",
    say: "secret of at least 32 characters behind upload URLs (the flag names a file that holds it)",
    shown: "generated into the data folder",
    fallback: () => null,
    parse: (text) => {
      if (text.length < 32) throw new ConfigError("needs at least 32 characters");
      return text;
    },
  },
  firstKeyFile: {
    env: "WHARF_FIRST_KEY_FILE",
    flag: "--first-key-file",
    value: "file",
    say: "new file, for its owner alone, that the first start writes its key into instead of printing it",
    shown: "the key is printed",
    fallback: () => null,
    parse: (text) => resolve(nonEmpty(text)),
  },
  workers: {
    env: "WHARF_WORKERS",
    flag: "--workers",
    value: "number",
    say: "documents that are read at once",
    shown: "number of cores + 4",
    // Four to spare: a long document holds its place for up to a second before it moves, and notes should not
    // wait for that.
    fallback: () => availableParallelism() + 4,
    parse: integerWithin(1, 256),
  },
  logLevel: {
    env: "WHARF_LOG_LEVEL",
    flag: "--log-level",
    value: "level",
    say: `least level that is logged: ${LOG_LEVELS.join(", ")}`,
    shown: "info",
    fallback: () => "info",
    parse: oneOf(LOG_LEVELS),
  },
  metrics: {
    env: "WHARF_METRICS",
    flag: "--metrics",
    value: "audience",
    say: "who may read /metrics: loopback (this machine) or public",
    shown: "loopback",
    fallback: () => "loopback",
    parse: (text) => {
      if (text !== "loopback" && text !== "public") throw new ConfigError(`must be loopback or public, not "${text}"`);
      return text;
    },
  },
  docs: {
    env: "WHARF_DOCS",
    flag: "--docs",
    value: "on|off",
    say: "whether /docs and /openapi.json are there; off answers them 404",
    shown: "on",
    fallback: () => true,
    parse: (text) => {
      if (text !== "on" && text !== "off") throw new ConfigError(`must be on or off, not "${text}"`);
      return text === "on";
    },
  },
  unlimitedPeers: {
    env: "WHARF_UNLIMITED_PEERS",
    flag: "--unlimited-peers",
    value: "ranges",
    say: "address ranges, separated by commas, that may have any number of connections: your proxies",
    shown: LOOPBACK,
    fallback: () => addressRanges(LOOPBACK),
    parse: addressRanges,
  },
  sandbox: {
    env: "WHARF_SANDBOX",
    flag: "--sandbox",
    value: "mode",
    say: "jail of the processes that read documents: require (start only with the full one), reduced (the strongest to be had), off",
    shown: "reduced",
    fallback: () => "reduced",
    parse: oneOf(SANDBOX_MODES),
  },
  llmUrl: {
    env: "WHARF_LLM_URL",
    flag: "--llm-url",
    value: "url",
    say: "base URL of an OpenAI-compatible chat server that writes the answers of /v1/responses, such as http://127.0.0.1:11434/v1",
    shown: "none: answers are quoted",
    fallback: () => null,
    parse: baseUrl,
  },
  llmModel: {
    env: "WHARF_LLM_MODEL",
    flag: "--llm-model",
    value: "name",
    say: "its model; needed with WHARF_LLM_URL",
    shown: "none",
    fallback: () => null,
    parse: nonEmpty,
  },
  llmApiKey: {
    env: "WHARF_LLM_API_KEY",
    flag: "--llm-api-key-file",
    value: "file",
    say: "its key, when it wants one (the flag names a file that holds it)",
    shown: "none",
    fallback: () => null,
    parse: nonEmpty,
  },
};

/** The server's settings from flags (by setting name), then environment, then defaults. Throws ConfigError. */
export function readConfig(
  flags: Partial<Record<keyof Config, string>> = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const read = <K extends keyof Config>(name: K): Config[K] => {
    const setting: Setting<Config[K]> = SETTINGS[name];
    const given = flags[name] ?? env[setting.env];
    if (given === undefined) return setting.fallback();
    try {
      return setting.parse(given);
    } catch (error) {
      const source = flags[name] === undefined ? setting.env : setting.flag;
      throw error instanceof ConfigError ? new ConfigError(`${source} ${error.message}.`) : error;
    }
  };
  const config: Config = {
    host: read("host"),
    port: read("port"),
    publicUrl: read("publicUrl"),
    dataDir: read("dataDir"),
    sessionTtlSeconds: read("sessionTtlSeconds"),
    uploadOrigins: read("uploadOrigins"),
    apiOrigins: read("apiOrigins"),
    createsPerSecond: read("createsPerSecond"),
    maxFileBytes: read("maxFileBytes"),
    bucketsPerTeam: read("bucketsPerTeam"),
    diskReserveBytes: read("diskReserveBytes"),
    secret: read("secret"),
    firstKeyFile: read("firstKeyFile"),
    workers: read("workers"),
    logLevel: read("logLevel"),
    metrics: read("metrics"),
    docs: read("docs"),
    unlimitedPeers: read("unlimitedPeers"),
    sandbox: read("sandbox"),
    llmUrl: read("llmUrl"),
    llmModel: read("llmModel"),
    llmApiKey: read("llmApiKey"),
  };
  if (config.llmUrl !== null && config.llmModel === null)
    throw new ConfigError("WHARF_LLM_URL needs WHARF_LLM_MODEL: name the model that writes the answers.");
  return config;
}

export interface ClientConfig {
  /** Base URL that ends in `/v1`. */
  readonly url: string;
  readonly apiKey: string | null;
}

/** What the CLI's client commands read: `WHARF_URL` (with or without `/v1`) and `WHARF_API_KEY`. */
export function readClientConfig(
  flags: { readonly url?: string | undefined; readonly apiKey?: string | undefined } = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): ClientConfig {
  const given = flags.url ?? env["WHARF_URL"] ?? "http://127.0.0.1:8686";
  let base: string | null;
  try {
    base = baseUrl(given);
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`WHARF_URL ${error.message}.`) : error;
  }
  return { url: base?.endsWith("/v1") ? base : `${base}/v1`, apiKey: flags.apiKey ?? env["WHARF_API_KEY"] ?? null };
}

/**
 * Room for 16 file operations at once instead of 4: fsyncs wait for the disk, not for a core, and with 4 the whole
 * cycle of a small file ran at 550 a second where 16 gave 1 400 (32 callers, measured). Takes effect only before the
 * first asynchronous file operation.
 */
export function widenThreadPool(env: Record<string, string | undefined> = process.env): void {
  env["UV_THREADPOOL_SIZE"] ??= "16";
}
