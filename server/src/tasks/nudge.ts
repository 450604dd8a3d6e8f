/** A sleep that can be cut short. A nudge given while nobody sleeps cuts the next one. */
export class Nudge {
  #given = false;
  #wake: () => void = () => {};

  now(): void {
    this.#given = true;
    this.#wake();
  }

  /** Resolves after a nudge, after `ms`, or when the signal is aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#given && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener("abort", done);
        this.#wake = done;
      });
    }
    this.#given = false;
  }
}
