import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildClient } from "../../tools/build-client.ts";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** A project that was empty and has the library's tarball installed, as anybody would install it. */
export interface Project {
  readonly folder: string;
  /** Where the package lies in it. */
  readonly installed: string;
  /** Runs a script of the project under some Node, and returns what it printed. */
  node(executable: string, script: string, env?: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

/** Built, packed and installed without a network: the library has no dependencies. */
export async function installClient(): Promise<Project> {
  const scratch = await mkdtemp(join(tmpdir(), "wharf-package-"));
  const source = join(scratch, "sdk");
  const folder = join(scratch, "project");
  await mkdir(source);
  await mkdir(folder);
  for (const name of ["package.json", "README.md"]) await copyFile(join(ROOT, "sdk", name), join(source, name));
  await buildClient(ROOT, join(source, "dist"));
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const npm = (...args: string[]) =>
    run("npm", [...args, "--offline", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
  const { stdout } = await npm("pack", source, "--json");
  const [packed]: { readonly filename: string }[] = JSON.parse(stdout);
  await npm("install", `./${packed?.filename ?? ""}`);
  await cp(join(ROOT, "sdk/test/tour.js"), join(folder, "tour.js"));
  return {
    folder,
    installed: join(folder, "node_modules/@wharf/client"),
    node: async (executable, script, env = {}) =>
      (await run(executable, [script], { cwd: folder, env: { PATH: process.env["PATH"] ?? "", ...env } })).stdout,
    remove: () => rm(scratch, { recursive: true }),
  };
}

/** A Node of that major version, or null where there is none. */
export async function findNode(major: number): Promise<string | null> {
  for (const executable of [
    process.execPath,
    "/usr/bin/node",
    "/usr/local/bin/node",
    `node${major}`,
    `node-${major}`,
  ]) {
    const version = await run(executable, ["--version"]).then(
      ({ stdout }) => stdout,
      () => "",
    );
    if (version.startsWith(`v${major}.`)) return executable;
  }
  return null;
}
