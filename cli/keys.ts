import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { DEFAULT_SCOPES, parseScope, SCOPES, type Scope } from "../server/src/access/api-key.ts";
import { createApiKey, listApiKeys, type MadeKey, revokeApiKey } from "../server/src/access/keys.ts";
import type { Catalogue } from "../server/src/catalogue/catalogue.ts";
import { createClock, toRfc3339 } from "../server/src/clock.ts";
import { createIdSource, parseId } from "../server/src/ids.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { type Io, printable, printJson } from "./io.ts";
import { withCatalogue } from "./local-catalogue.ts";
import { addSettingFlags, configFrom } from "./server-flags.ts";
import { table } from "./table.ts";

const HELP = `
These commands open the data folder's catalogue themselves: they run on the server's machine, beside a running server or without
one, and what they change counts from the next request on. A key is shown once and kept nowhere: only its SHA-256 is stored.

Examples:
  $ wharf keys create --team legal --name "contract importer"
  $ wharf keys create --team legal --name reader --scopes files:read,search --json
  $ wharf keys list --team legal
  $ wharf keys revoke key_01k…`;

/** `wharf keys create | list | revoke`. */
export function defineKeys(keys: Command, io: Io): void {
  keys.addHelpText("after", HELP);
  addCreate(keys, io);
  addList(keys, io);
  addRevoke(keys, io);
}

function addCreate(keys: Command, io: Io): void {
  const command = keys
    .command("create")
    .description("make a key, and its team when there is none of that name")
    .requiredOption("--team <slug>", "the team whose documents the key reaches: a-z, 0-9 and -, at most 63", parseTeam)
    .requiredOption("--name <name>", "what the key is for; shown in the list")
    .option("--scopes <list>", `separated by commas, of ${SCOPES.join(", ")} (default: ${DEFAULT_SCOPES.join(",")})`)
    .option("--json", "print the key and its ids as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async (options: { team: string; name: string; scopes?: string; json?: true }) => {
    const name = parseName(options.name);
    const scopes = options.scopes === undefined ? undefined : parseScopes(options.scopes);
    const made = await withCatalogue(configFrom(command, io).dataDir, "make", (catalogue) =>
      createApiKey(
        { catalogue, ids: createIdSource(createClock()), random: randomBytes },
        { team: options.team, name, scopes },
      ),
    );
    if (options.json) printJson(io, madeKeyToJson(made));
    else
      io.stdout.write(
        `Made ${made.keyId} for the team ${made.team}. It is shown only now:\n\nexport WHARF_API_KEY=${made.key}\n`,
      );
  });
}

function addList(keys: Command, io: Io): void {
  const command = keys
    .command("list")
    .description("list keys, revoked ones too; never the keys themselves")
    .option("--team <slug>", "only this team's")
    .option("--json", "print them as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async ({ team, json }: { team?: string; json?: true }) => {
    const list = await withCatalogue(configFrom(command, io).dataDir, "refuse", (catalogue) =>
      listApiKeys(catalogue, team ?? null),
    );
    if (json) printJson(io, { keys: list.map(listedKeyToJson) });
    else if (list.length === 0) io.stdout.write("There are no keys. wharf keys create makes one.\n");
    else
      io.stdout.write(
        table(
          ["ID", "TEAM", "NAME", "ENDS IN", "SCOPES", "STATE"],
          list.map((key) => [
            key.id,
            key.team,
            printable(key.name),
            `…${key.last4}`,
            key.scopes.join(","),
            key.revokedAt === null ? "live" : `revoked ${toRfc3339(key.revokedAt)}`,
          ]),
        ),
      );
  });
}

function addRevoke(keys: Command, io: Io): void {
  const command = keys
    .command("revoke")
    .argument("<id>", "as keys list shows it: key_…")
    .description("end a key, from its next request on")
    .option("--json", "print the result as JSON")
    .addHelpText("after", HELP);
  addSettingFlags(command, ["dataDir"]);
  command.action(async (text: string, { json }: { json?: true }) => {
    const id = parseId("key", text);
    if (id === null) throw new CliError(EXIT.usage, "usage", "a key's id begins key_; wharf keys list shows them.");
    const { revokedAt } = await withCatalogue(configFrom(command, io).dataDir, "refuse", (catalogue: Catalogue) =>
      revokeApiKey(catalogue, id),
    );
    if (json) printJson(io, { id, revoked_at: toRfc3339(revokedAt) });
    else io.stdout.write(`${id} is revoked since ${toRfc3339(revokedAt)}.\n`);
  });
}

function madeKeyToJson(made: MadeKey) {
  return {
    key: made.key,
    id: made.keyId,
    team: made.team,
    team_id: made.teamId,
    name: made.name,
    scopes: made.scopes,
  };
}

function listedKeyToJson(key: Awaited<ReturnType<typeof listApiKeys>>[number]) {
  return {
    id: key.id,
    team: key.team,
    name: key.name,
    last4: key.last4,
    scopes: key.scopes,
    created_at: toRfc3339(key.createdAt),
    revoked_at: key.revokedAt === null ? null : toRfc3339(key.revokedAt),
  };
}

export function parseTeam(text: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(text))
    throw new CliError(EXIT.usage, "usage", `--team must be 1 to 63 of a-z, 0-9 and -, not "${text}".`);
  return text;
}

const MAX_NAME_CHARS = 100;

function parseName(text: string): string {
  if (text.trim() === "" || text.length > MAX_NAME_CHARS)
    throw new CliError(EXIT.usage, "usage", `--name must have 1 to ${MAX_NAME_CHARS} characters.`);
  return text;
}

export function parseScopes(text: string): readonly Scope[] {
  return text.split(",").map((part) => {
    const scope = parseScope(part.trim());
    if (scope === null)
      throw new CliError(
        EXIT.usage,
        "usage",
        `--scopes takes ${SCOPES.join(", ")}, separated by commas, not "${part}".`,
      );
    return scope;
  });
}
