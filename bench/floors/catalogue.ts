import { Worker } from "node:worker_threads";

export type FloorOperation = "create" | "take" | "record" | "finalize" | "claim" | "chunks" | "activate";
export interface FloorCall {
  readonly id: number;
  readonly operation: FloorOperation;
  readonly input: Readonly<Record<string, string | number>>;
}

/** Calls into the floor's owner thread; those of one tick travel together. */
export class FloorCatalogue {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, () => void>();
  #outbox: FloorCall[] = [];
  #nextId = 1;

  private constructor(thread: Worker) {
    this.#thread = thread;
    thread.on("message", (done: readonly number[]) => {
      for (const id of done) {
        this.#waiting.get(id)?.();
        this.#waiting.delete(id);
      }
    });
  }

  static async open(path: string): Promise<FloorCatalogue> {
    const thread = new Worker(new URL("./owner-thread.store.ts", import.meta.url), { workerData: path });
    await new Promise((resolve) => thread.once("message", resolve));
    return new FloorCatalogue(thread);
  }

  /** Resolves once it is on disk. A failure ends the process: a floor has no error handling. */
  run(operation: FloorOperation, input: FloorCall["input"]): Promise<void> {
    const id = this.#nextId++;
    if (this.#outbox.length === 0)
      queueMicrotask(() => {
        this.#thread.postMessage(this.#outbox);
        this.#outbox = [];
      });
    this.#outbox.push({ id, operation, input });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}
