import { isUtf8 } from "node:buffer";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { errorCodeOf } from "../../server/src/errors.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** One file to upload. */
export interface FoundFile {
  /** As the caller can open it. */
  readonly path: string;
  /**
   * The `filename` of the upload: the base name, or the path below the named folder, with `/`; in NFC, however the disk
   * spells it.
   */
  readonly filename: string;
  /** Where its bytes are, when not at `path`: of stdin. */
  readonly spooledAt?: string;
}

/** What cannot be uploaded, and why: it is reported in its place, and the rest goes on. */
export interface UnusableEntry extends FoundFile {
  readonly error: CliError;
}

export type Found = FoundFile | UnusableEntry;

/** The path that stands for stdin. */
export const STDIN = "-";

/** More than one command should be told to upload; a mistyped `/` must not start a job for days. */
const MAX_FILES = 100_000;

/**
 * The files that the arguments name: each file itself, each folder's files at any depth, in a stable order. Below a
 * folder, names that begin with a dot and symbolic links are left out: they are seldom documents, and a link may lead
 * out of the folder or round in a ring.
 * Everything else that is no regular file, or cannot be read or named, is an UnusableEntry, and so is a path that
 * leads nowhere: a shell's `*` names dangling links, too. When all of them do, the command line is wrong.
 * `-` is what stands at `spooledAt`.
 */
export async function findFiles(paths: readonly string[], spooledAt: string | null): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const path of new Set(paths)) {
    if (path === STDIN && spooledAt !== null) {
      found.push({ path, filename: "stdin", spooledAt });
      continue;
    }
    const kind = await stat(path).catch((error: unknown) => unreachable(path, error));
    if (kind instanceof CliError) found.push(unusable(path, basename(path), kind));
    else if (kind.isDirectory()) await walk(path, "", found);
    else if (kind.isFile()) found.push({ path, filename: basename(path).normalize("NFC") });
    else found.push(unusable(path, basename(path), noRegularFile()));
  }
  if (found.length === 0) throw new CliError(EXIT.usage, "no_files", "There are no files in what you named.");
  const nowhere = found.flatMap((file) => ("error" in file && file.error.exitCode === EXIT.usage ? file.error : []));
  if (nowhere[0] !== undefined && nowhere.length === found.length) throw nowhere[0];
  return found;
}

function unreachable(path: string, error: unknown): CliError {
  const code = errorCodeOf(error) ?? "";
  if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) return unreadable("file", error);
  const message = `${path === "" ? "An empty path" : path} leads to no file or folder (${code}): check the path.`;
  return new CliError(EXIT.usage, "no_such_file", message);
}

async function walk(folder: string, below: string, found: Found[]): Promise<void> {
  const inside = (name: string) => (below === "" ? name : `${below}/${name}`);
  // As bytes: as text, a name that is no UTF-8 would become another name, which nothing has.
  const names = await readdir(folder, "buffer").catch((error: unknown) => {
    found.push(unusable(folder, below, unreadable("folder", error)));
    return [];
  });
  for (const bytes of names.sort(Buffer.compare)) {
    if (bytes[0] === DOT) continue;
    const name = bytes.toString("utf8");
    if (isUtf8(bytes)) await take(join(folder, name), inside(name), found);
    else found.push(unusable(join(folder, name), inside(name), oddName()));
    if (found.length > MAX_FILES)
      throw new CliError(EXIT.usage, "too_many_files", `${folder}${sep} and the rest hold over ${MAX_FILES} files.`);
  }
}

const DOT = 0x2e;

async function take(path: string, inside: string, found: Found[]): Promise<void> {
  const kind = await lstat(path).catch((error: unknown) => unreadable("file", error));
  if (kind instanceof CliError) found.push(unusable(path, inside, kind));
  else if (kind.isDirectory()) await walk(path, inside, found);
  else if (kind.isFile()) found.push({ path, filename: fitting(inside) });
  else if (!kind.isSymbolicLink()) found.push(unusable(path, inside, noRegularFile()));
}

function unusable(path: string, filename: string, error: CliError): UnusableEntry {
  return { path, filename: filename === "" ? path : filename, error };
}

/** Opening a named pipe or a device could wait for ever. */
function noRegularFile(): CliError {
  const message = "This is no regular file. To upload what a program writes: program | wharf upload - --bucket …";
  return new CliError(EXIT.failure, "unreadable", message);
}

export function unreadable(what: "file" | "folder", error: unknown): CliError {
  const code = errorCodeOf(error) ?? "error";
  const mend = code === "EACCES" ? ": make it readable for you" : "";
  return new CliError(EXIT.failure, "unreadable", `The ${what} cannot be read (${code})${mend}.`);
}

function oddName(): CliError {
  const message = "The name is not valid UTF-8: rename it (convmv -f latin1 -t utf8 --notest), then upload it again.";
  return new CliError(EXIT.failure, "bad_name", message);
}

/** A path that is too long for `filename` (contract §2) becomes the base name alone. */
function fitting(path: string): string {
  const filename = path.normalize("NFC");
  return [...filename].length <= 255 ? filename : basename(filename);
}
