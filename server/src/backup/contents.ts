import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { type Entry, parseEntry } from "./manifest.ts";

/** The list of a backup's objects, written as they are made. */
export class Contents {
  readonly #file: FileHandle;
  #lines: string[] = [];

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<Contents> {
    return new Contents(await open(path, "wx", 0o600));
  }

  async add(entry: Entry): Promise<void> {
    this.#lines.push(`${JSON.stringify(entry)}\n`);
    if (this.#lines.length >= 1000) await this.#write();
  }

  /** Everything is on disk afterwards. */
  async end(): Promise<void> {
    await this.#write();
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const text = this.#lines.join("");
    this.#lines = [];
    await this.#file.writeFile(text);
  }
}

/** Keys and digits alone: no line holds a separator of Unicode's that Node would take for a line end. */
export async function* readContents(path: string): AsyncGenerator<Entry> {
  for await (const line of createInterface({ input: createReadStream(path) })) yield parseEntry(line);
}
