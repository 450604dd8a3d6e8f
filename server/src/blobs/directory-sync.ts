import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

/** Makes entries of directories durable: a name that was made or removed survives a power cut only after this. */
export interface DirectorySync {
  /** Resolves when every change to the directory made before the call is on disk. */
  sync(directory: string): Promise<void>;
  /** Whether an fsync of the directory has failed since the process began. */
  isSuspect(directory: string): boolean;
}

/**
 * One fsync serves everybody whose entry was made before it *started*. A caller who comes while one runs may have made his
 * entry too late for it, so he waits for the next one, which he shares with all who come until it starts.
 */
export function createDirectorySync(fsync: (directory: string) => Promise<void>): DirectorySync {
  const lanes = new Map<string, { running: Promise<void>; next: Promise<void> | null }>();
  const suspect = new Set<string>();

  function start(directory: string): Promise<void> {
    const running = fsync(directory)
      .catch((error: unknown) => {
        suspect.add(directory);
        throw error;
      })
      .finally(() => {
        if (lane.next === null) lanes.delete(directory);
      });
    const lane = { running, next: null };
    lanes.set(directory, lane);
    return running;
  }

  return {
    sync(directory) {
      const lane = lanes.get(directory);
      if (lane === undefined) return start(directory);
      lane.next ??= lane.running.then(
        () => start(directory),
        () => start(directory),
      );
      return lane.next;
    },
    isSuspect: (directory) => suspect.has(directory),
  };
}

/**
 * Folders whose names are made durable again and again, each open from its first time on: opening and closing one around each fsync is
 * two of three calls, and a fifth of what a small file costs. A store has 768 (fs-layout.ts).
 */
export class OpenFolders {
  /** Descriptors, because the collector complains of each FileHandle of a store that a short command never closed. */
  readonly #descriptors = new Map<string, Promise<number>>();

  async fsync(directory: string): Promise<void> {
    await fsync(await this.#descriptor(directory));
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#descriptors.values());
    this.#descriptors.clear();
    for (const descriptor of opened) if (descriptor.status === "fulfilled") await close(descriptor.value);
  }

  #descriptor(directory: string): Promise<number> {
    const known = this.#descriptors.get(directory);
    if (known !== undefined) return known;
    const opening = openDescriptor(directory, "r");
    this.#descriptors.set(directory, opening);
    opening.catch(() => this.#descriptors.delete(directory));
    return opening;
  }
}

const openDescriptor = promisify(fs.open);
const fsync = promisify(fs.fsync);
const close = promisify(fs.close);

/** Once, of a folder that is not seen again. */
export async function fsyncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
