import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { DEFAULT_SCOPES, SCOPES } from "../server/src/access/api-key.ts";
import { createDashboardLink, endDashboardSessions, listDashboardSessions } from "../server/src/access/dashboard.ts";
import { toRfc3339 } from "../server/src/clock.ts";
import type { Config } from "../server/src/config.ts";
import { addressOfServer, findDataFolder } from "../server/src/data-folder.ts";
import { parseId } from "../server/src/ids.ts";
import { publicUrlAt } from "../server/src/public-url.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { type Io, printJson } from "./io.ts";
import { parseScopes, parseTeam } from "./keys.ts";
import { withCatalogue } from "./local-catalogue.ts";
import { addSettingFlags, configFrom, isGiven } from "./server-flags.ts";
import { table } from "./table.ts";

const HELP = `
A link signs one browser in, once, within a minute; the browser stays signed in for 12 hours, or until its session is
ended. These commands open the data folder's catalogue themselves, as wharf keys does: name the server's folder. The link
begins with the address that the running server has for itself, unless --public-url, --host or --port say otherwise.

Examples:
  $ wharf dashboard link
  $ wharf dashboard link --team legal --scopes files:read,search
  $ wharf dashboard sessions
  $ wharf dashboard end dash_01k…
  $ wharf dashboard end --team legal`;

/** `wharf dashboard link | sessions | end`. */
export function defineDashboard(dashboard: Command, io: Io): void {
  dashboard.addHelpText("after", HELP);
  addLink(dashboard, io);
  addSessions(dashboard, io);
  addEnd(dashboard, io);
}

function addLink(dashboard: Command, io: Io): void {
  const command = dashboard
    .command("link")
    .description("print a link that signs a browser in to the dashboard")
    .option("--team <slug>", "the team whose documents it shows", parseTeam, "default")
    .option("--scopes <list>", `separated by commas, of ${SCOPES.join(", ")} (default: ${DEFAULT_SCOPES.join(",")})`)
    .option("--json", "print the link as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir", "publicUrl", "host", "port"]);
  command.action(async (options: { team: string; scopes?: string; json?: true }) => {
    const { team } = options;
    const scopes = options.scopes === undefined ? undefined : parseScopes(options.scopes);
    const config = configFrom(command, io);
    const base = baseUrlOf(command, config);
    const link = await withCatalogue(config.dataDir, "refuse", (catalogue) =>
      createDashboardLink({ catalogue, random: randomBytes }, { team, scopes }),
    );
    const url = `${base}${link.path}`;
    if (options.json) printJson(io, { url, team, scopes: link.scopes, expires_at: toRfc3339(link.expiresAt) });
    else io.stdout.write(`Open this within a minute; it signs one browser in to the team ${team}:\n\n  ${url}\n`);
  });
}

function addSessions(dashboard: Command, io: Io): void {
  const command = dashboard
    .command("sessions")
    .description("list the browsers that are signed in")
    .option("--team <slug>", "only this team's", parseTeam)
    .option("--json", "print them as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async ({ team, json }: { team?: string; json?: true }) => {
    const list = await withCatalogue(configFrom(command, io).dataDir, "refuse", (catalogue) =>
      listDashboardSessions(catalogue, team ?? null),
    );
    const shown = list.map((session) => ({
      id: session.id,
      team: session.team,
      scopes: session.scopes,
      created_at: toRfc3339(session.createdAt),
      expires_at: toRfc3339(session.expiresAt),
    }));
    if (json) printJson(io, { sessions: shown });
    else if (shown.length === 0) io.stdout.write("Nobody is signed in. wharf dashboard link prints a link.\n");
    else
      io.stdout.write(
        table(
          ["ID", "TEAM", "SCOPES", "SINCE", "UNTIL"],
          shown.map(({ id, team, scopes, created_at, expires_at }) => [
            ...[id, team, scopes.join(",")],
            ...[created_at, expires_at],
          ]),
        ),
      );
  });
}

function addEnd(dashboard: Command, io: Io): void {
  const command = dashboard
    .command("end")
    .argument("[id]", "as dashboard sessions shows it: dash_…")
    .description("sign a browser out, or all of a team, from the next request on")
    .option("--team <slug>", "every session of this team", parseTeam)
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async (text: string | undefined, { team, json }: { team?: string; json?: true }) => {
    const which = whichToEnd(text, team);
    const ended = await withCatalogue(configFrom(command, io).dataDir, "refuse", (catalogue) =>
      endDashboardSessions(catalogue, which),
    );
    if (json) printJson(io, { ended });
    else io.stdout.write(ended === 1 ? "1 session is ended.\n" : `${ended} sessions are ended.\n`);
  });
}

function whichToEnd(text: string | undefined, team: string | undefined) {
  const id = text === undefined ? null : parseId("dash", text);
  if (team !== undefined && text === undefined) return { team };
  if (id !== null && team === undefined) return { id };
  throw new CliError(
    EXIT.usage,
    "usage",
    "name one session, dash_… as wharf dashboard sessions shows it, or all of a team with --team.",
  );
}

/**
 * Where the server is reached: as these settings say, or as the one that runs on the folder says. Throws CliError: with
 * port 0 nobody but a running server knows.
 */
function baseUrlOf(command: Command, config: Config): string {
  const isSaid = config.publicUrl !== null || isGiven(command, "host") || isGiven(command, "port");
  const running = isSaid ? null : addressOfServer(findDataFolder(config.dataDir));
  if (running !== null) return running;
  if (config.publicUrl === null && config.port === 0)
    throw new CliError(
      EXIT.usage,
      "usage",
      "with port 0 only a running server knows its port: start it, or give the address with --public-url.",
    );
  return publicUrlAt(config, config.port);
}
