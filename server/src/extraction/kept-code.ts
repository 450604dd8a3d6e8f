import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodeOf } from "../errors.ts";

const PREFIX = "reader-code-";
const DIGEST_BYTES = 32;

/** What was kept under the name, or null: it is nowhere, or damaged. Nobody syncs it, and a power cut may leave a part. */
export function readKept(folder: string, name: string): Buffer | null {
  try {
    const file = readFileSync(join(folder, PREFIX + name));
    const code = file.subarray(DIGEST_BYTES);
    return digestOf(code).equals(file.subarray(0, DIGEST_BYTES)) ? code : null;
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
    return null;
  }
}

/** In the place of whatever was kept before. Best effort: where it may not be written, the next start does the work again. */
export function keep(folder: string, name: string, code: Buffer): void {
  const written = join(folder, `${PREFIX}${name}.${process.pid}`);
  try {
    for (const old of readdirSync(folder)) if (old.startsWith(PREFIX)) rmSync(join(folder, old), { force: true });
    writeFileSync(written, Buffer.concat([digestOf(code), code]), { mode: 0o600 });
    renameSync(written, join(folder, PREFIX + name));
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
  }
}

function digestOf(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}
