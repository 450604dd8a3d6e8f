import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Entry, isEntry, type Lockfile, nameOf, namesIn, readLockfile } from "./packages/lockfile.ts";

/**
 * Packages that may want to run a program when they are installed, each with the reason why we keep them. None does:
 * all is installed without scripts.
 */
const WITH_SCRIPTS: Readonly<Record<string, string>> = {
  esbuild: "its script fetches what is missing of the platform's own package, which the lockfile has; it works without",
};

const KINDS = ["dependencies", "devDependencies", "optionalDependencies"];
const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

/**
 * The supply chain, part of `npm run check`. Every package is named with its exact version, locked with the digest of
 * its bytes, comes from the registry that npm is set up with, runs nothing of its own when it is installed, and
 * nothing else is installed. Returns what is not so.
 */
export async function checkPackages(
  root: string,
  withScripts: Readonly<Record<string, string>> = WITH_SCRIPTS,
): Promise<readonly string[]> {
  const lockfile = await readLockfile(root);
  const manifest: unknown = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const installed = await installedPackages(root);
  const scripted = new Set([
    ...[...lockfile.packages].filter(([, entry]) => entry["hasInstallScript"] === true).map(([path]) => nameOf(path)),
    ...[...installed].filter(([, found]) => runsScripts(found)).map(([path]) => nameOf(path)),
  ]);
  return [
    ...unlocked(isEntry(manifest) ? manifest : {}, lockfile),
    ...[...lockfile.packages].flatMap(([path, entry]) => (path === "" ? [] : faultsOf(path, entry, lockfile))),
    ...[...installed].flatMap(([path, { version }]) =>
      lockfile.packages.get(path)?.["version"] === version
        ? []
        : [`${path} ${version} is installed and not locked: run npm ci.`],
    ),
    ...[...scripted]
      .filter((name) => withScripts[name] === undefined)
      .map((name) => `${name} wants to run a script when it is installed: do without it, or list it with the reason.`),
    ...Object.keys(withScripts)
      .filter((name) => !scripted.has(name))
      .map((name) => `${name} has no install script any more: take it off the list.`),
  ];
}

/** What package.json names must be exact, and what the lockfile has. */
function unlocked(manifest: Entry, { packages }: Lockfile): readonly string[] {
  return KINDS.flatMap((kind) =>
    namesIn(manifest, kind).flatMap(([name, version]) => {
      if (typeof version !== "string" || !EXACT.test(version))
        return [`package.json names ${name} ${version}: give the exact version.`];
      return packages.get(`node_modules/${name}`)?.["version"] === version
        ? []
        : [`${name} ${version} is not locked: run npm install --package-lock-only.`];
    }),
  );
}

function faultsOf(path: string, entry: Entry, lockfile: Lockfile): readonly string[] {
  const { version, integrity, resolved } = entry;
  const missing = namesIn(entry, "dependencies").filter(([name]) => !isLocked(name, path, lockfile));
  return [
    ...(typeof version === "string" && EXACT.test(version) ? [] : [`${path} is locked without a version.`]),
    ...(typeof integrity === "string" && integrity.startsWith("sha512-")
      ? []
      : [`${path} is locked without the SHA-512 of its bytes.`]),
    ...(resolved === undefined || isRegistryPath(resolved, nameOf(path), version)
      ? []
      : [`${path} comes from ${resolved}, which is no registry's address of it.`]),
    ...missing.map(([name]) => `${path} needs ${name}, which is not locked.`),
  ];
}

/** As Node looks for it: in the package's own node_modules, then in those above. */
function isLocked(name: string, from: string, { packages }: Lockfile): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages.has(`${folder === "" ? "" : `${folder}/`}node_modules/${name}`)) return true;
    if (folder === "") return false;
  }
}

/**
 * `https://<host>/<name>/-/<file>-<version>.tgz`, whoever the host is: each reader has a registry of his own, and what
 * counts is the digest. A Git repository, a tarball elsewhere, a folder and plain HTTP look otherwise.
 */
function isRegistryPath(resolved: unknown, name: string, version: unknown): boolean {
  const url = typeof resolved === "string" && URL.canParse(resolved) ? new URL(resolved) : null;
  const file = name.slice(name.lastIndexOf("/") + 1);
  return url?.protocol === "https:" && decodeURIComponent(url.pathname).endsWith(`/${name}/-/${file}-${version}.tgz`);
}

/** Every package that lies in node_modules, by its path. */
async function installedPackages(root: string): Promise<ReadonlyMap<string, Entry>> {
  const found = new Map<string, Entry>();
  const folders = ["node_modules", "node_modules/**/node_modules"];
  const patterns = folders.flatMap((folder) => [`${folder}/[!.@]*/package.json`, `${folder}/@*/*/package.json`]);
  for await (const path of glob(patterns, { cwd: root })) {
    const manifest: unknown = JSON.parse(await readFile(join(root, path), "utf8"));
    found.set(dirname(path), isEntry(manifest) ? manifest : {});
  }
  return found;
}

function runsScripts(manifest: Entry): boolean {
  return namesIn(manifest, "scripts").some(([name]) => ["preinstall", "install", "postinstall"].includes(name));
}

if (import.meta.main) {
  const faults = await checkPackages(join(import.meta.dirname, ".."));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
