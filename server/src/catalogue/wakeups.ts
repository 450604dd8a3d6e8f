/** Who waits for which topic, in this process. */
export class Wakeups {
  readonly #listeners = new Map<string, Set<() => void>>();

  listen(topic: string, wake: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    listeners.add(wake);
    return () => {
      listeners.delete(wake);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  wake(topics: readonly string[]): void {
    for (const topic of topics) {
      for (const wake of [...(this.#listeners.get(topic) ?? [])]) wake();
    }
  }
}
