import { Readable } from "node:stream";
import { toError } from "../errors.ts";
import type { Holder, Places } from "../fairness/places.ts";

/**
 * Answers that are sent as a stream: how many at once in this process, and what each may hold. A reader of 10 kB/s
 * keeps one chunk (at most 256 KiB) in memory and nothing read ahead; so the places bound the memory of all of them
 * (200 × 256 KiB = 50 MiB), whoever is slow.
 */
export class Downloads {
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  get running(): number {
    return this.#places.taken;
  }

  /**
   * A place for one download; throws `overloaded` when the holder's share is used up. The caller frees it, unless it
   * turned it into a stream, which frees it when it closes. Freeing twice is harmless.
   */
  take(by: Holder): DownloadPlace {
    const { free } = this.#places.take(by);
    return {
      free,
      stream: async (content, onCut) => {
        const chunks = content[Symbol.asyncIterator]();
        const first = await chunks.next();
        return pulledStream(first, chunks, { closed: free, onCut });
      },
    };
  }
}

export interface DownloadPlace {
  free(): void;
  /**
   * The content as a body. Rejects with what the first read rejects with: then there is still an answer to give. A
   * later error cuts the transfer, after `onCut` was told. A reader that takes nothing is the HTTP server's to cut
   * (http/unread-answers.ts).
   */
  stream(content: AsyncIterable<Uint8Array>, onCut: (error: unknown) => void): Promise<Readable>;
}

/**
 * One chunk for each time the reader asks. `Readable.from` and `stream.pipeline` read one ahead, which doubles what a
 * slow reader holds.
 */
function pulledStream(
  first: IteratorResult<Uint8Array>,
  chunks: AsyncIterator<Uint8Array>,
  { closed, onCut }: { readonly closed: () => void; readonly onCut: (error: unknown) => void },
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
      take().then(
        ({ done, value }) => void body.push(done === true ? null : value),
        (error: unknown) => {
          onCut(error);
          body.destroy(toError(error));
        },
      );
    },
    destroy(error, done) {
      closed();
      // Closes the blob's handle; whatever it says to that, the reader's outcome is decided already.
      Promise.resolve(chunks.return?.()).then(
        () => done(error),
        () => done(error),
      );
    },
  });
  return body;
}
