import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { type Config, ConfigError, readConfig, SETTINGS } from "../server/src/config.ts";
import type { Io } from "./io.ts";

type SettingName = keyof Config;

const ALL: readonly SettingName[] = Object.keys(SETTINGS).filter((name): name is SettingName => name in SETTINGS);

/** Adds the flags of these settings, all of them by default: every setting is an environment variable and a flag. */
export function addSettingFlags(command: Command, names: readonly SettingName[] = ALL): void {
  for (const name of names) {
    const { flag, value, say, shown, env } = SETTINGS[name];
    command.addOption(new Option(`${flag} <${value}>`, `${say} (${env}; default: ${shown})`));
  }
}

/** The server's settings: flags, then environment, then defaults. Throws ConfigError. */
export function configFrom(command: Command, io: Io): Config {
  const given: Partial<Record<SettingName, string>> = {};
  for (const name of ALL) {
    const text = flagValue(command, SETTINGS[name].flag);
    if (text !== undefined) given[name] = SECRETS.includes(name) ? readSecretFile(SETTINGS[name].flag, text) : text;
  }
  return readConfig(given, io.env);
}

/** Whether a flag says it, and not the environment or nobody. */
export function isGiven(command: Command, name: SettingName): boolean {
  return flagValue(command, SETTINGS[name].flag) !== undefined;
}

function flagValue(command: Command, flag: string): string | undefined {
  const option = command.options.find((known) => known.long === flag);
  const value: unknown = option === undefined ? undefined : command.getOptionValue(option.attributeName());
  return typeof value === "string" ? value : undefined;
}

/** A secret on the command line would stand in `ps`: the flag names a file. */
const SECRETS: readonly SettingName[] = ["secret", "llmApiKey"];

function readSecretFile(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new ConfigError(`${flag} names ${path}, which cannot be read.`, { cause: error });
  }
}
