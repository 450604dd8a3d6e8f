import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { ThreadClient } from "../sqlite/thread-client.ts";
import type { Operation } from "./catalogue.ts";

export interface ReadersOptions {
  /** A reading thread, which says through the port when it stands still (sqlite/wal-checkpoint.ts). */
  readonly open: (writerPort: MessagePort) => ThreadClient;
  readonly fatal: (error: Error) => void;
}

/**
 * The threads that read. One looks up, the other walks over many rows, so that no request waits behind a list for its
 * key. A walk of 10 ms in between was 10 ms for everybody, and 40 ms with two teams' lists.
 *
 * The second takes 200 ms of processor time to load its code, and 35 MB: it starts with the first walk, and until it is
 * there the first one does both. A start does not wait for it, and `wharf keys` does without.
 */
export class Readers {
  /** For the writer's end. */
  readonly ports: readonly MessagePort[];
  readonly #options: ReadersOptions;
  readonly #lookUps: ThreadClient;
  readonly #walksPort: MessagePort;
  #walks: ThreadClient | null = null;
  #walksReady = false;
  #closing = false;

  constructor(options: ReadersOptions) {
    const [lookUps, walks] = [new MessageChannel(), new MessageChannel()];
    this.#options = options;
    this.ports = [lookUps.port1, walks.port1];
    this.#lookUps = options.open(lookUps.port2);
    this.#walksPort = walks.port2;
  }

  ready(): Promise<void> {
    return this.#lookUps.ready();
  }

  threadOf({ walks }: Pick<Operation<never, never>, "walks">): ThreadClient {
    if (!walks) return this.#lookUps;
    if (this.#walks === null) this.#startWalks();
    return this.#walksReady && this.#walks !== null ? this.#walks : this.#lookUps;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([this.#lookUps.close(), this.#walks?.close()]);
    this.#walksPort.close();
  }

  #startWalks(): void {
    this.#walks = this.#options.open(this.#walksPort);
    this.#walks.ready().then(
      () => {
        this.#walksReady = true;
      },
      (error: Error) => {
        if (!this.#closing) this.#options.fatal(error);
      },
    );
  }
}
