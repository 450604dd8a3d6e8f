import { closeSync, existsSync, fsyncSync, lstatSync, openSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "../config.ts";
import { toError } from "../errors.ts";

/**
 * Where the first start leaves its key instead of on stdout (`WHARF_FIRST_KEY_FILE`): a new file for its owner alone. The key is on disk
 * before it counts, so that a failed write costs nothing, and a key that was made is never lost.
 */
export class FirstKeyFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Throws ConfigError when the file is there already, or cannot be made; makes nothing. */
  check(): void {
    if (!existsSync(dirname(this.path))) throw this.#refusal("is in a folder that does not exist");
    if (this.#isTaken()) throw this.#refusal("is there already");
  }

  #isTaken(): boolean {
    try {
      return lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      throw this.#refusal("cannot be made", error);
    }
  }

  /** Throws ConfigError, and leaves nothing behind then. */
  write(key: string): void {
    let file: number;
    try {
      // Never through a link, and never into somebody else's file.
      file = openSync(this.path, "wx", 0o600);
    } catch (error) {
      throw this.#refusal("cannot be made", error);
    }
    try {
      try {
        writeSync(file, `${key}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      syncFolder(dirname(this.path));
    } catch (error) {
      this.remove();
      throw this.#refusal("cannot be written", error);
    }
  }

  remove(): void {
    unlinkSync(this.path);
  }

  #refusal(why: string, cause?: unknown): ConfigError {
    const system = cause === undefined ? "" : ` (${toError(cause).message})`;
    return new ConfigError(
      `WHARF_FIRST_KEY_FILE names ${this.path}, which ${why}${system}: name a new file in a folder that the server may write to.`,
      { cause },
    );
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
