/** A file with the path that it was dropped under: `folder/part/name.pdf`. */
export interface Dropped {
  readonly file: File;
  readonly path: string;
}

/**
 * More in one drop are left out, and the page says so: a home folder that was dropped by mistake must not fill the
 * memory.
 */
export const MOST_DROPPED = 20_000;

/** Every file of a drop, folders with all that is in them. `left`: how many were too many. */
export async function filesOf(
  data: DataTransfer,
): Promise<{ readonly files: readonly Dropped[]; readonly more: boolean }> {
  // Entries are gone once this turn of the loop is over: all are taken before the first is read.
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const taken = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const files: Dropped[] = [];
  for (const { entry, file } of taken) {
    if (entry !== null) await walk(entry, files);
    else if (file !== null) files.push({ file, path: file.name });
    if (files.length >= MOST_DROPPED) return { files: inOrder(files.slice(0, MOST_DROPPED)), more: true };
  }
  return { files: inOrder(files), more: false };
}

/** As people look for them: a disk gives them in any order. */
function inOrder(files: readonly Dropped[]): readonly Dropped[] {
  return files.toSorted((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
}

/** What a file input holds; with `webkitdirectory` each file knows its path. */
export function chosenFiles(list: FileList): readonly Dropped[] {
  return inOrder(
    [...list].slice(0, MOST_DROPPED).map((file) => ({ file, path: file.webkitRelativePath || file.name })),
  );
}

async function walk(entry: FileSystemEntry, into: Dropped[]): Promise<void> {
  if (into.length >= MOST_DROPPED) return;
  if (isFile(entry)) {
    // One that may not be read, or is gone by now, is no reason to lose the others.
    const file = await new Promise<File | null>((resolve) => entry.file(resolve, () => resolve(null)));
    if (file !== null && !isOfTheSystem(file.name)) into.push({ file, path: entry.fullPath.replace(/^\//, "") });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // In pieces of a hundred, until one is empty.
      const piece = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (piece.length === 0) return;
      for (const child of piece) await walk(child, into);
    }
  }
}

/** Not by their classes, which browsers do not show under the names that the standard gives them. */
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Files that systems leave in folders, which nobody means to search. */
function isOfTheSystem(name: string): boolean {
  return name === ".DS_Store" || name === "Thumbs.db" || name === "desktop.ini";
}
