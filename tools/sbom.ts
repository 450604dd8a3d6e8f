import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lockfile, readLockfile } from "./packages/lockfile.ts";

/**
 * The software bill of materials of what a server runs with: CycloneDX JSON, made by `npm sbom` from the lockfile.
 * `npm run --silent sbom > wharf.cdx.json`
 *
 * npm gets a manifest and a lockfile without development packages: its own `--omit=dev` also leaves out what both
 * sides use, ten packages here. And the component is called after the folder, so that is named.
 */
export async function sbom(root: string): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "wharf-sbom-"));
  try {
    const folder = join(scratch, "wharf");
    mkdirSync(folder);
    const lockfile = await readLockfile(root);
    const packages = productionPackages(lockfile);
    writeFileSync(join(folder, "package.json"), JSON.stringify(packages[""]));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ ...lockfile.file, packages }));
    const flags = ["--package-lock-only", "--sbom-format=cyclonedx", "--sbom-type=application"];
    return execFileSync("npm", ["sbom", ...flags], { cwd: folder, encoding: "utf8", maxBuffer: MAX_BYTES });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const MAX_BYTES = 64 * 1024 * 1024;

/** The lockfile's entries but those that only development needs. */
function productionPackages({ packages }: Lockfile): Readonly<Record<string, unknown>> {
  const kept = [...packages].filter(([, { dev }]) => dev !== true);
  return Object.fromEntries(
    kept.map(([path, entry]) => {
      const { devDependencies: _, ...rest } = entry;
      return [path, path === "" ? rest : entry];
    }),
  );
}

if (import.meta.main) process.stdout.write(await sbom(join(import.meta.dirname, "..")));
