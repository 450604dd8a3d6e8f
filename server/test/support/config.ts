/**
 * What the suite is pointed at. Without a URL each test file starts a server of its own on loopback; with one it judges
 * that server, and whatever needs settings of its own is skipped with that reason.
 */
export interface TestConfig {
  /** Base without `/v1`, or null. */
  readonly url: string | null;
  readonly apiKey: string | null;
  /** A key of another team, or null: what compares two teams is skipped then. */
  readonly secondApiKey: string | null;
  /** `gcs`: upload_url is Google's own, so rows that are ours alone are skipped. */
  readonly store: "embedded" | "gcs";
  /** The long forms: 200 random cuts, minute-long timers. */
  readonly long: boolean;
  /** Seed of everything random, so that a failure can be repeated. */
  readonly seed: number;
}

export function readTestConfig(env: Readonly<Record<string, string | undefined>> = process.env): TestConfig {
  return {
    url: env["WHARF_TEST_URL"]?.replace(/\/+$/, "") ?? null,
    apiKey: env["WHARF_TEST_API_KEY"] ?? null,
    secondApiKey: env["WHARF_TEST_SECOND_API_KEY"] ?? null,
    store: env["WHARF_TEST_STORE"] === "gcs" ? "gcs" : "embedded",
    long: env["WHARF_TEST_LONG"] === "1",
    seed: Number(env["WHARF_TEST_SEED"] ?? 20_260_930),
  };
}

/**
 * What a server that we start may see of our environment: a PATH for the system tools of its sandbox, where code is kept
 * compiled (tools/run-tests.ts), and nothing of ours.
 */
export function inheritedEnvironment(): Record<string, string> {
  const { PATH = "/usr/bin:/bin", NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}
