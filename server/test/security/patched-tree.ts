import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { APP_ROOT } from "../../src/extraction/sandbox.ts";

/**
 * A copy of `checkout` below `folder`, every reader of which does what a document tells it
 * (fixtures/children/taken-over.ts of this checkout). Everybody may read it.
 */
export function patchedTree(checkout: string, folder: string): string {
  mkdirSync(folder, { mode: 0o755 });
  for (const part of ["server", "cli", "package.json"])
    cpSync(join(checkout, part), join(folder, part), { recursive: true });
  // As links where the file system can: nobody writes in there.
  const packages = [join(checkout, "node_modules"), folder];
  try {
    execFileSync("cp", ["--archive", "--link", ...packages], { stdio: "ignore" });
  } catch {
    execFileSync("cp", ["--archive", "--force", ...packages]);
  }
  const extraction = join(folder, "server/src/extraction");
  cpSync(join(APP_ROOT, "server/src/extraction", TAKEN_OVER), join(extraction, TAKEN_OVER));
  cpSync(join(APP_ROOT, "server/src/extraction", ATTACKS), join(extraction, ATTACKS), { recursive: true });
  writeFileSync(join(extraction, "child.ts"), `await import("./${TAKEN_OVER}");\n`);
  execFileSync("chmod", ["-R", "go+rX", join(folder, "server"), join(folder, "cli")]);
  chmodSync(folder, 0o755);
  return folder;
}

const TAKEN_OVER = "fixtures/children/taken-over.ts";
const ATTACKS = "fixtures/attacks";
