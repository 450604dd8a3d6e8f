import * as fs from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** Makes entries of directories durable: a name that was made or removed survives a power cut only after this. */
export interface DirectorySync {
  /** Resolves when every change to the directory made before the call is on disk. */
  sync(directory: string): Promise<void>;
  /** Whether an fsync of the directory has failed since the process began. */
  isSuspect(directory: string): boolean;
}

/**
 * One fsync serves everybody whose entry was made before it *started*. A caller who comes while one runs may have made
 * his entry too late for it, so he waits for the next one, which he shares with all who come until it starts.
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
 * Folders whose names are made durable again and again, each open from its first time on: opening and closing one
 * around each fsync is two of three calls, and a fifth of what a small file costs. Beyond `limit`, the one that was not
 * used for longest is closed.
 */
export class OpenFolders {
  readonly #limit: number;
  /** The one used last comes last. */
  readonly #folders = new Map<string, OpenFolder>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  async fsync(directory: string): Promise<void> {
    const folder = this.#open(directory);
    folder.users += 1;
    try {
      await fsync(await folder.descriptor);
    } finally {
      folder.users -= 1;
      this.#closeSurplus();
    }
  }

  async close(): Promise<void> {
    const folders = [...this.#folders.values()];
    this.#folders.clear();
    await Promise.all(folders.map(closeFolder));
  }

  #open(directory: string): OpenFolder {
    const folder = this.#folders.get(directory) ?? { descriptor: openDescriptor(directory, "r"), users: 0 };
    this.#folders.delete(directory);
    this.#folders.set(directory, folder);
    folder.descriptor.catch(() => {
      if (this.#folders.get(directory) === folder) this.#folders.delete(directory);
    });
    return folder;
  }

  #closeSurplus(): void {
    for (const [directory, folder] of this.#folders) {
      if (this.#folders.size <= this.#limit) return;
      // A descriptor that is closed under an fsync may be another file's by then.
      if (folder.users > 0) continue;
      this.#folders.delete(directory);
      void closeFolder(folder);
    }
  }
}

interface OpenFolder {
  /** Not a FileHandle: the collector complains of each that a short command's store left open. */
  readonly descriptor: Promise<number>;
  /** Fsyncs under way. */
  users: number;
}

async function closeFolder({ descriptor }: OpenFolder): Promise<void> {
  // It could not be opened, or does not close cleanly: nothing depends on that, its fsyncs have answered.
  await descriptor.then(close).catch(() => {});
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

/**
 * Makes the folder and those above it that are missing, mode 0700: when it resolves, all of their names are on disk.
 */
export async function makeFolderDurably(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  // Also when it was there: the process that made it may have died before its fsync.
  await fsyncDirectory(dirname(path));
  for (let made = dirname(path); first !== undefined && made.length >= first.length; made = dirname(made))
    await fsyncDirectory(dirname(made));
}
