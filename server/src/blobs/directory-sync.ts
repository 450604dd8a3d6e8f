import { open } from "node:fs/promises";

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
export function createDirectorySync(fsync: (directory: string) => Promise<void> = fsyncDirectory): DirectorySync {
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

export async function fsyncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
