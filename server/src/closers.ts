/**
 * What was opened or may run, closed in the opposite order; each once. What opens later than that is closed at once.
 */
export class Closers {
  readonly #closers: (() => unknown)[] = [];
  #ran = false;

  async opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const thing = await opening;
    if (this.#ran) await thing.close();
    else this.add(() => thing.close());
    return thing;
  }

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async run(): Promise<void> {
    this.#ran = true;
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
  }
}
