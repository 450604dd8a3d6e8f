import { MessagePort } from "node:worker_threads";
import { ThreadClient, type ThreadClientOptions } from "../sqlite/thread-client.ts";
import type { ReaderCall } from "./fts5-protocol.ts";

/**
 * The index's reading threads as one. Each reads one call at a time; how calls of many teams line up is their
 * caller's to say.
 *
 * The first is there from the start; the others start with the first call, and until they are there it reads
 * everything. A thread costs a start 50 ms of processor time.
 */
export class Fts5Readers {
  /** Those that are there. */
  readonly #threads: ReaderThread[];
  readonly #clients: ThreadClient[];
  #notStarted: readonly ThreadClientOptions[];
  #closing = false;

  constructor([first, ...others]: readonly ThreadClientOptions[]) {
    if (first === undefined) throw new Error("the index has no reading thread");
    const client = new ThreadClient(first);
    this.#clients = [client];
    this.#threads = [{ client, underWay: 0 }];
    this.#notStarted = others;
  }

  async ready(): Promise<void> {
    await Promise.all(this.#threads.map(({ client }) => client.ready()));
  }

  /**
   * To the least busy thread, and among equals to the team's own: its cache knows the file, and a team that asks one
   * thing after another opens its file once.
   */
  read(call: ReaderCall): Promise<unknown> {
    this.#startOthers();
    const own = homeOf(call.team, this.#threads.length);
    const inOrder = [...this.#threads.slice(own), ...this.#threads.slice(0, own)];
    const [first, ...others] = inOrder;
    if (first === undefined) throw new Error("the index has no reading thread");
    return ask(
      others.reduce((least, thread) => (thread.underWay < least.underWay ? thread : least), first),
      call,
    );
  }

  /** For what each must hear, also one that is about to be there. */
  async readAll(call: ReaderCall): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.call(call.kind, call)));
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const { transfer = [] } of this.#notStarted)
      for (const port of transfer) if (port instanceof MessagePort) port.close();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #startOthers(): void {
    const others = this.#notStarted;
    this.#notStarted = [];
    for (const options of others) {
      const client = new ThreadClient(options);
      this.#clients.push(client);
      client.ready().then(
        () => void this.#threads.push({ client, underWay: 0 }),
        (error: Error) => {
          if (!this.#closing) options.fatal(error);
        },
      );
    }
  }
}

interface ReaderThread {
  readonly client: ThreadClient;
  underWay: number;
}

async function ask(thread: ReaderThread, call: ReaderCall): Promise<unknown> {
  thread.underWay += 1;
  try {
    return await thread.client.call(call.kind, call);
  } finally {
    thread.underWay -= 1;
  }
}

function homeOf(team: string, threads: number): number {
  let sum = 0;
  for (const char of team) sum += char.charCodeAt(0);
  return sum % threads;
}
