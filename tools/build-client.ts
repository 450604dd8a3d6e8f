import { execFile } from "node:child_process";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * `npm run build:client`: the library as it is published, in sdk/dist: a JavaScript file and a .d.ts for each of its
 * source files, by the compiler that checks them (decision 0047). `npm pack ./sdk` makes a tarball of it. The product
 * never needs it: it runs sdk/src.
 */
export async function buildClient(root: string, outDir = join(root, "sdk/dist")): Promise<void> {
  await rm(outDir, { recursive: true, force: true });
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", join(root, "sdk/tsconfig.build.json"), "--outDir", outDir]);
  await copyFile(join(root, "LICENSE"), join(outDir, "../LICENSE"));
}

if (import.meta.main) await buildClient(join(import.meta.dirname, ".."));
