import { existsSync, lstatSync } from "node:fs";
import { open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { fsyncDirectory } from "../blobs/directory-sync.ts";
import { ConfigError } from "../config.ts";
import { toError } from "../errors.ts";

/**
 * Where the first start leaves its key instead of on stdout (`WHARF_FIRST_KEY_FILE`): a new file for its owner alone.
 * The key is on disk before it counts, so that a failed write costs nothing, and a key that was made is never lost.
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

  /** Rejects with ConfigError, and leaves nothing behind then. */
  async write(key: string): Promise<void> {
    // Never through a link, and never into somebody else's file.
    const file = await open(this.path, "wx", 0o600).catch((error: unknown) => {
      throw this.#refusal("cannot be made", error);
    });
    try {
      try {
        await file.writeFile(`${key}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await fsyncDirectory(dirname(this.path));
    } catch (error) {
      await this.remove();
      throw this.#refusal("cannot be written", error);
    }
  }

  remove(): Promise<void> {
    return unlink(this.path);
  }

  #refusal(why: string, cause?: unknown): ConfigError {
    const system = cause === undefined ? "" : ` (${toError(cause).message})`;
    return new ConfigError(
      `WHARF_FIRST_KEY_FILE names ${this.path}, which ${why}${system}: name a new file in a folder that the server may write to.`,
      { cause },
    );
  }
}
