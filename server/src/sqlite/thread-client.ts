import { type TransferListItem, Worker } from "node:worker_threads";
import type { Answer, Call, FromThread, ToThread } from "./thread-protocol.ts";

export interface ThreadClientOptions {
  /** The thread's entry file. */
  readonly entry: URL;
  readonly workerData: Readonly<Record<string, unknown>>;
  readonly transfer?: readonly TransferListItem[];
  /** Turns a failure that crossed the boundary back into an error of the caller's kind. */
  readonly failed: (failure: Failure) => Error;
  /** The thread ended or must not go on (an fsync failed): its data is unreachable now. */
  readonly fatal: (error: Error) => void;
  /** After each commit of a writing thread: its calls, and how long it took. */
  readonly onBatch?: ((calls: number, tookMs: number) => void) | undefined;
}

export type Failure = Extract<Answer, { failure: unknown }>["failure"];

/**
 * Calls into a worker thread that owns a database connection. Calls made in the same turn of the event loop, by
 * whatever sockets it found readable, travel in one message; answers come back in one message a batch. A message costs
 * 70 µs and a context switch.
 */
export class ThreadClient {
  readonly #worker: Worker;
  readonly #options: ThreadClientOptions;
  readonly #waiting = new Map<number, { resolve: (output: unknown) => void; reject: (error: Error) => void }>();
  readonly #ready = Promise.withResolvers<void>();
  #outbox: Call[] = [];
  #nextId = 1;
  #closing = false;
  #opened = false;
  #batches = 0;

  constructor(options: ThreadClientOptions) {
    this.#options = options;
    this.#worker = new Worker(options.entry, {
      workerData: options.workerData,
      transferList: [...(options.transfer ?? [])],
    });
    this.#worker.on("message", (message: FromThread) => this.#receive(message));
    this.#worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#end(new Error("the database thread ended")));
  }

  /** Messages of answers so far: for a writing thread, its commits. */
  get batches(): number {
    return this.#batches;
  }

  /** Resolves once the thread has opened its database; rejects with what went wrong there. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  call(method: string, input: unknown): Promise<unknown> {
    if (this.#closing) return Promise.reject(new Error("the database is closed"));
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    if (this.#outbox.length === 0) setImmediate(() => this.#flush());
    this.#outbox.push({ id, method, input });
    return promise;
  }

  /** Lets the thread finish what it has, close its database and end. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#flush();
    this.#closing = true;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    this.#send({ kind: "close" });
    await ended;
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    const calls = this.#outbox;
    this.#outbox = [];
    this.#send({ kind: "calls", calls });
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.#opened = true;
        this.#ready.resolve();
        return;
      case "fatal":
        this.#end(new Error(message.message));
        return;
      case "answers":
        this.#batches += 1;
        if (message.tookMs !== null) this.#options.onBatch?.(message.answers.length, message.tookMs);
        for (const answer of message.answers) this.#settle(answer);
        return;
    }
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    if ("failure" in answer) waiting.reject(this.#options.failed(answer.failure));
    else waiting.resolve(answer.output);
  }

  #end(error: Error): void {
    this.#ready.reject(error);
    this.#ready.promise.catch(() => {});
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    if (this.#closing) return;
    this.#closing = true;
    // A database that never opened is its opener's to hear of: nothing of it was acknowledged.
    if (this.#opened) this.#options.fatal(error);
  }
}
