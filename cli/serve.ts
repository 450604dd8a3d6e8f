import { once } from "node:events";
import type { Command } from "commander";
import { FIRST_TEAM, type MadeKey } from "../server/src/access/keys.ts";
import { type Config, widenThreadPool } from "../server/src/config.ts";
import { WharfError } from "../server/src/errors.ts";
import { LIMITS } from "../server/src/limits.ts";
import type { RunningWharf } from "../server/src/start.ts";
import { banner } from "./banner.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";

const HELP = `
The first start makes the data folder, a team and one API key with every scope. It prints a tour to paste into another
terminal, and the key, once; --first-key-file names a file to write the key into instead. Everything is in the data
folder; one server at a time may use it. Logs are JSON lines on stderr. SIGTERM and SIGINT end it in order: running
answers finish, tasks go back into the queue.

Examples:
  $ wharf serve
  $ wharf serve --port 9000 --data-dir /var/lib/wharf
  $ WHARF_PUBLIC_URL=https://files.example.com wharf serve --host 0.0.0.0     behind a proxy
  $ wharf serve --json | jq -r .first_key.key                                 the first key, for a script
  $ wharf serve --first-key-file /etc/wharf/first-key                         the first key, where logs do not see it`;

/** `wharf serve`: the server in this process, until a signal comes. */
export function defineServe(command: Command, io: Io, end: (exitCode: ExitCode) => void): void {
  command
    .option("--json", "print the address and the first key as JSON instead of the banner")
    .addHelpText("after", HELP);
  addSettingFlags(command);
  command.action(async ({ json }: { json?: true }) => {
    widenThreadPool();
    const config = configFrom(command, io);
    // Loaded here alone: the other commands need not wait for the server's code.
    const { startWharf } = await import("../server/src/start.ts");
    const wharf = await startWharf(config);
    try {
      if (json) printJson(io, started(wharf, config));
      else io.stdout.write(banner({ ...wharf, ...config, signIn: await signInLink(io, wharf) }));
      if (!io.signal.aborted) await once(io.signal, "abort");
    } finally {
      endIfStopHangs(io);
      await wharf.stop();
    }
    end(EXIT.ok);
  });
}

/**
 * On a terminal somebody looks, and can open it; elsewhere it would stand in a log. Null as well: there is no team of
 * that name.
 */
async function signInLink(io: Io, wharf: RunningWharf): Promise<string | null> {
  if (!io.stdout.isTerminal) return null;
  const link = await wharf.dashboardLink(FIRST_TEAM).catch((error: unknown) => {
    if (error instanceof WharfError && error.code === "not_found") return null;
    throw error;
  });
  return link === null ? null : `${wharf.url}${link.path}`;
}

/** A disk that does not answer must not keep the process: whoever waits for its end would kill it without a word. */
function endIfStopHangs(io: Io): void {
  const hung = setTimeout(() => {
    const seconds = LIMITS.stopMs / 1000;
    io.stderr.write(
      `wharf: The server did not stop within ${seconds} s and ends now. What it acknowledged is on disk.\n`,
    );
    process.exit(EXIT.stopHung);
  }, LIMITS.stopMs);
  hung.unref();
}

function started({ url, firstKey }: RunningWharf, { dataDir, docs, firstKeyFile }: Config) {
  return {
    url,
    dashboard_url: `${url}/`,
    docs_url: docs ? `${url}/docs` : null,
    data_dir: dataDir,
    first_key: firstKey === null ? null : firstKeyToJson(firstKey, firstKeyFile),
  };
}

/** The key itself, or the file that it is in. */
function firstKeyToJson(made: MadeKey, file: string | null) {
  const { keyId, team, teamId, name, scopes } = made;
  return { ...(file === null ? { key: made.key } : { file }), id: keyId, team, team_id: teamId, name, scopes };
}
