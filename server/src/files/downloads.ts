import { Readable } from "node:stream";
import { toError } from "../errors.ts";
import type { Holder, Places } from "../fairness/places.ts";
import { LIMITS } from "../limits.ts";

export interface DownloadsOptions {
  readonly places: Places;
  /** A reader that takes nothing for so long is cut. */
  readonly idleMs: number;
}

/**
 * Answers that are sent as a stream: how many at once in this process, and what each may hold. A reader of 10 kB/s keeps one chunk (at most
 * 256 KiB) in memory and nothing read ahead; so the places bound the memory of all of them (200 × 256 KiB = 50 MiB), whoever is slow.
 */
export class Downloads {
  readonly #options: DownloadsOptions;

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#options.places.taken;
  }

  /**
   * A place for one download; throws `overloaded` when the holder's share is used up. The caller frees it, unless it turned it into a
   * stream, which frees it when it closes. Freeing twice is harmless.
   */
  take(by: Holder): DownloadPlace {
    const { places, idleMs } = this.#options;
    const { free } = places.take(by);
    return {
      free,
      stream: async (content, onCut) => {
        const chunks = content[Symbol.asyncIterator]();
        const first = await chunks.next();
        return pulledStream(first, chunks, { idleMs, closed: free, onCut });
      },
    };
  }
}

export interface DownloadPlace {
  free(): void;
  /**
   * The content as a body. Rejects with what the first read rejects with: then there is still an answer to give. A later error cuts the
   * transfer, after `onCut` was told. It is also cut when its reader takes nothing for the idle time.
   */
  stream(content: AsyncIterable<Uint8Array>, onCut: (error: unknown) => void): Promise<Readable>;
}

/**
 * One chunk for each time the reader asks. `Readable.from` and `stream.pipeline` read one ahead, which doubles what a slow reader holds.
 */
function pulledStream(
  first: IteratorResult<Uint8Array>,
  chunks: AsyncIterator<Uint8Array>,
  {
    idleMs,
    closed,
    onCut,
  }: { readonly idleMs: number; readonly closed: () => void; readonly onCut: (error: unknown) => void },
): Readable {
  let next: IteratorResult<Uint8Array> | undefined = first;
  const take = async () => {
    let chunk = next ?? (await chunks.next());
    next = undefined;
    // To a Readable an empty chunk is no data, and it would wait for some without asking again.
    while (chunk.done !== true && chunk.value.byteLength === 0) chunk = await chunks.next();
    return chunk;
  };
  const body = new Readable({
    highWaterMark: 0,
    read() {
      idle.stop();
      take().then(
        ({ done, value }) => {
          idle.start();
          body.push(done === true ? null : value);
        },
        (error: unknown) => {
          onCut(error);
          body.destroy(toError(error));
        },
      );
    },
    destroy(error, done) {
      idle.stop();
      closed();
      // Closes the blob's handle; whatever it says to that, the reader's outcome is decided already.
      Promise.resolve(chunks.return?.()).then(
        () => done(error),
        () => done(error),
      );
    },
  });
  const idle = idleTimer(idleMs, () => body.destroy(new Error(`the reader took nothing for ${idleMs} ms`)));
  idle.start();
  return body;
}

function idleTimer(idleMs: number, onIdle: () => void): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    const due = performance.now() + idleMs;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Fired late: the process itself was asleep (SIGSTOP, suspend), not the reader.
      if (performance.now() - due > LIMITS.lateTimerMs) start();
      else onIdle();
    }, idleMs);
    timer.unref();
  };
  return { start, stop: () => clearTimeout(timer) };
}
