import { ThreadClient, type ThreadClientOptions } from "../sqlite/thread-client.ts";
import type { ReaderCall } from "./fts5-protocol.ts";

/**
 * The index's reading threads as one. Each reads one call at a time; how calls of many teams line up is their
 * caller's to say.
 */
export class Fts5Readers {
  readonly #threads: readonly ReaderThread[];

  constructor(options: readonly ThreadClientOptions[]) {
    this.#threads = options.map((of) => ({ client: new ThreadClient(of), underWay: 0 }));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#threads.map(({ client }) => client.ready()));
  }

  /**
   * To the least busy thread, and among equals to the team's own: its cache knows the file, and a team that asks one
   * thing after another opens its file once.
   */
  read(call: ReaderCall): Promise<unknown> {
    const own = homeOf(call.team, this.#threads.length);
    const inOrder = [...this.#threads.slice(own), ...this.#threads.slice(0, own)];
    const [first, ...others] = inOrder;
    if (first === undefined) throw new Error("the index has no reading thread");
    return ask(
      others.reduce((least, thread) => (thread.underWay < least.underWay ? thread : least), first),
      call,
    );
  }

  /** For what each must hear. */
  async readAll(call: ReaderCall): Promise<void> {
    await Promise.all(this.#threads.map((thread) => ask(thread, call)));
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map(({ client }) => client.close()));
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
