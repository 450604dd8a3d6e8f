import { lstat, opendir, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { errorCodeOf } from "../../server/src/errors.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** One file to upload. */
export interface FoundFile {
  /** As the caller can open it. */
  readonly path: string;
  /** The `filename` of the upload: the base name, or the path below the named folder, with `/`. */
  readonly filename: string;
}

/** More than one command should be told to upload; a mistyped `/` must not start a job for days. */
const MAX_FILES = 100_000;

/**
 * The files that the arguments name: each file itself, each folder's files at any depth, in a stable order. Below a folder, names that
 * begin with a dot and symbolic links are left out: they are seldom documents, and a link may lead out of the folder or round in a ring.
 */
export async function findFiles(paths: readonly string[]): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  for (const path of paths) {
    const kind = await stat(path).catch((error: unknown) => {
      throw new CliError(EXIT.usage, "no_such_file", `${path} cannot be read (${errorCodeOf(error) ?? "error"}).`);
    });
    if (kind.isDirectory()) await walk(path, "", found);
    else found.push({ path, filename: basename(path) });
  }
  if (found.length === 0) throw new CliError(EXIT.usage, "no_files", "There are no files in what you named.");
  return found;
}

async function walk(folder: string, below: string, found: FoundFile[]): Promise<void> {
  const names: string[] = [];
  for await (const entry of await opendir(folder)) if (!entry.name.startsWith(".")) names.push(entry.name);
  for (const name of names.sort()) {
    const path = join(folder, name);
    const inside = below === "" ? name : `${below}/${name}`;
    const kind = await lstat(path);
    if (kind.isDirectory()) await walk(path, inside, found);
    else if (kind.isFile()) found.push({ path, filename: fitting(inside) });
    if (found.length > MAX_FILES)
      throw new CliError(EXIT.usage, "too_many_files", `${folder}${sep} and the rest hold over ${MAX_FILES} files.`);
  }
}

/** A path that is too long for `filename` (contract §2) becomes the base name alone. */
function fitting(path: string): string {
  return [...path.normalize("NFC")].length <= 255 ? path : basename(path);
}
