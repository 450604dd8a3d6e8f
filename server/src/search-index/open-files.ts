/**
 * Open files by name, the most recently used ones: a server with ten thousand teams must not hold ten thousand
 * databases open. Closing is cheap (nothing is ever left uncommitted between two calls) and opening takes about a
 * millisecond.
 */
export class OpenFiles<File extends { close(): void }> {
  readonly #open = new Map<string, File>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(name: string): File | undefined {
    const file = this.#open.get(name);
    if (file !== undefined) {
      this.#open.delete(name);
      this.#open.set(name, file);
    }
    return file;
  }

  /** Keeps the file and closes the one that was not used for the longest time, when there are too many. */
  keep(name: string, file: File): void {
    this.#open.set(name, file);
    const [oldest] = this.#open.keys();
    if (this.#open.size > this.#limit && oldest !== undefined) this.close(oldest);
  }

  close(name: string): void {
    const file = this.#open.get(name);
    this.#open.delete(name);
    file?.close();
  }

  closeAll(): void {
    for (const name of [...this.#open.keys()]) this.close(name);
  }

  get size(): number {
    return this.#open.size;
  }
}
