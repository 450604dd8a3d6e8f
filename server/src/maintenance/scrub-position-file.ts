import { existsSync } from "node:fs";
import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { keepPosition } from "./position.store.ts";

/**
 * Up to version 0.1 the scrubber kept its position in a file. What it holds, damaged originals by name, would be
 * found again only in hours: it moves to the catalogue, once. May be interrupted anywhere.
 */
export async function adoptScrubPosition(catalogue: Catalogue, dataDir: string): Promise<void> {
  const path = join(dataDir, "scrub-position");
  if (!existsSync(path)) return;
  const position = await readFile(path, "utf8");
  await catalogue.run(keepPosition, { chore: "scrub_originals", position });
  await unlink(path);
}
