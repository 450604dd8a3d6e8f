/**
 * Children that have read nothing yet, started before they are needed, because a start takes 30 ms of processor time.
 * Whoever waits gets the first that is ready, whoever it was started for.
 */
export class FreshChildren<Child> {
  readonly #start: () => Promise<Child>;
  readonly #spares: number;
  readonly #ready: Child[] = [];
  readonly #waiting: PromiseWithResolvers<Child>[] = [];
  readonly #starting = new Set<Promise<void>>();
  #closed = false;

  /** Keeps `spares` ready from the first `take` on. */
  constructor(start: () => Promise<Child>, spares: number) {
    this.#start = start;
    this.#spares = spares;
  }

  /** Rejects with what a start threw. */
  take(): Promise<Child> {
    const ready = this.#ready.pop();
    const place = Promise.withResolvers<Child>();
    if (ready === undefined) this.#waiting.push(place);
    else place.resolve(ready);
    this.#fill();
    return place.promise;
  }

  add(child: Child): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#ready.push(child);
    else first.resolve(child);
  }

  /** It has ended. */
  drop(child: Child): void {
    const at = this.#ready.indexOf(child);
    if (at >= 0) this.#ready.splice(at, 1);
  }

  /** Starts no more spares; resolves when no start is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#starting.size > 0) await Promise.all(this.#starting);
  }

  /** As many at once as there are waiting; spares one after another. */
  #fill(): void {
    const starting = this.#starting.size;
    const spareWanted = !this.#closed && starting === 0 && this.#ready.length < this.#spares;
    if (this.#waiting.length <= starting && !spareWanted) return;
    const start = this.#startOne().then((started) => {
      this.#starting.delete(start);
      // A spare that cannot be started is not tried again at once: the next document meets the failure.
      if (started || this.#waiting.length > 0) this.#fill();
    });
    this.#starting.add(start);
    this.#fill();
  }

  /**
   * A spare that fails is told to nobody, also not to who came meanwhile: what ended it (the spawner's death, say) may
   * be over, and a start of its own shows that.
   */
  async #startOne(): Promise<boolean> {
    const isSpare = this.#waiting.length <= this.#starting.size;
    try {
      this.add(await this.#start());
      return true;
    } catch (error) {
      if (!isSpare) this.#waiting.shift()?.reject(error);
      return false;
    }
  }
}
