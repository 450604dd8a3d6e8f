import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { Log } from "../log.ts";
import { type Bundle, bundle } from "../program/bundle.ts";
import { builtFile } from "../program/entry-file.ts";

/** What the built program has the readers' code in. */
export const BUILT_READER_CODE = "reader-code";

/**
 * The code of an extraction child, as launch.mjs reads it: with all that it imports, at its start or later. That of the
 * built program; else it is bundled now, which takes 100 ms. Where that cannot be done there is none, and each child
 * reads its files and takes their types out, for 100 ms of processor time.
 */
export async function loadReaderCode(entry: string, log: Log): Promise<Buffer> {
  const built = builtFile(BUILT_READER_CODE);
  if (built !== null) return readFile(built);
  try {
    return packedReaderCode(entry, await bundleReader(entry));
  } catch (error) {
    log.warn({ err: error }, "the readers' code cannot be bundled: each of them starts from its source, and slower");
    return packed(new Map());
  }
}

export function bundleReader(entry: string, root = "/"): Promise<Bundle> {
  return bundle(root, { [ENTRY]: entry });
}

/** The entry has the address of its source, the rest lies beside it: launch.mjs finds both there. */
export function packedReaderCode(entry: string, { files }: Bundle): Buffer {
  const at = pathToFileURL(entry);
  const placed = [...files].map(
    ([name, text]) => [name === `${ENTRY}.mjs` ? at.href : new URL(name, at).href, text] as const,
  );
  return packed(new Map(placed));
}

const ENTRY = "reader";

/**
 * Four bytes of length, JSON of where each URL's source begins and ends in the rest; four of the rest's length; the
 * rest.
 */
function packed(sources: ReadonlyMap<string, string>): Buffer {
  const places: Record<string, readonly [start: number, end: number]> = {};
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for (const [url, source] of sources) {
    const part = Buffer.from(source, "utf8");
    places[url] = [sizeBytes, sizeBytes + part.length];
    sizeBytes += part.length;
    parts.push(part);
  }
  const index = Buffer.from(JSON.stringify(places), "utf8");
  return Buffer.concat([length(index.length), index, length(sizeBytes), ...parts]);
}

function length(bytes: number): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(bytes);
  return four;
}
