import { existsSync } from "node:fs";
import { ConfigError } from "../server/src/config.ts";
import { findDataFolder } from "../server/src/data-folder.ts";

/** A folder without a catalogue is taken for a mistyped path. Throws ConfigError. */
export function refuseWithoutData(dataDir: string): void {
  if (!existsSync(findDataFolder(dataDir).catalogue))
    throw new ConfigError(`There is no Wharf data in ${dataDir}: name the server's folder with --data-dir.`);
}
