import { constants } from "node:fs";
import { type FileHandle, open, readlink, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { ToolError } from "../../server/src/mcp/tool.ts";
import type { ReadLocalFile } from "../../server/src/mcp/tools/upload-file.ts";
import { CliError, EXIT } from "../exit-codes.ts";

/** An agent's upload is read whole, so that what was checked is what is sent. */
const MAX_BYTES = 100 * 1024 * 1024;

/**
 * Reads files below one folder and nowhere else: `..`, absolute paths and links are followed first and judged by
 * where they lead, and what was opened is judged once more, since a folder may have become a link meanwhile. Throws
 * CliError for what is no folder.
 */
export async function openRoot(folder: string): Promise<ReadLocalFile> {
  const root = await realpath(folder).catch(() => null);
  if (root === null || !(await stat(root)).isDirectory())
    throw new CliError(EXIT.config, "config", `--root names ${folder}, which is no folder: name one that may be read.`);
  const isInside = (path: string) => path.startsWith(root.endsWith(sep) ? root : root + sep);
  return async (path) => {
    const real = await realpath(resolve(root, path)).catch(() => null);
    // Outside, nothing is told of what is there.
    if (!isInside(real ?? resolve(root, path))) throw outside(path);
    if (real === null) throw new ToolError(`There is no file ${path} in the folder of --root.`);
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => null);
    if (file === null) throw new ToolError(`${path} cannot be read: check its permissions.`);
    try {
      if (!isInside(await whereIs(file, real))) throw outside(path);
      return await contentOf(file, path);
    } finally {
      await file.close();
    }
  };
}

/** The opened file's own path where the system tells it (Linux), else where its path leads now. */
function whereIs(file: FileHandle, path: string): Promise<string> {
  return readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(path));
}

async function contentOf(file: FileHandle, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const found = await file.stat();
  const { size } = found;
  if (!found.isFile()) throw new ToolError(`${path} is no regular file: name a single document.`);
  if (size > MAX_BYTES)
    throw new ToolError(`${path} has ${size} bytes, and ${MAX_BYTES} is the limit here: use "wharf upload".`);
  return new Uint8Array(await file.readFile());
}

function outside(path: string): ToolError {
  return new ToolError(
    `${path} is outside the folder of --root, which is all that may be uploaded from: name a file in it.`,
  );
}
