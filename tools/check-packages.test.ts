import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { checkPackages } from "./check-packages.ts";

interface Project {
  readonly manifest?: object;
  readonly locked?: Readonly<Record<string, object>>;
  /** package.json of each package that is there, by the package's path. */
  readonly installed?: Readonly<Record<string, object>>;
  readonly withScripts?: Readonly<Record<string, string>>;
}

const A = { version: "1.0.0", integrity: "sha512-AAAA" };
const MANIFEST = { dependencies: { a: "1.0.0" } };

async function judge({ manifest = MANIFEST, locked = {}, installed = {}, withScripts = {} }: Project) {
  const root = await mkdtemp(join(tmpdir(), "wharf-packages-"));
  try {
    const put = async (path: string, content: object) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), JSON.stringify(content));
    };
    await put("package.json", manifest);
    await put("package-lock.json", { packages: { "": manifest, "node_modules/a": A, ...locked } });
    for (const [path, content] of Object.entries(installed)) await put(`${path}/package.json`, content);
    return await checkPackages(root, withScripts);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const REFUSED: readonly (readonly [what: string, project: Project, says: RegExp])[] = [
  ["a range", { manifest: { dependencies: { a: "^1.0.0" } } }, /^package\.json names a \^1\.0\.0: give the exact/],
  ["a tag", { manifest: { devDependencies: { a: "latest" } } }, /names a latest/],
  ["a package that is not locked", { manifest: { optionalDependencies: { b: "1.0.0" } } }, /^b 1\.0\.0 is not locked/],
  ["another version than the locked one", { manifest: { dependencies: { a: "1.0.1" } } }, /^a 1\.0\.1 is not locked/],
  [
    "a need that is not locked",
    { locked: { "node_modules/a": { ...A, dependencies: { b: "^2.0.0" } } } },
    /^node_modules\/a needs b, which is not locked/,
  ],
  [
    "a need that is locked where the package does not see it",
    { locked: { "node_modules/a": { ...A, dependencies: { b: "*" } }, "node_modules/c/node_modules/b": A } },
    /^node_modules\/a needs b/,
  ],
  [
    "no digest",
    { locked: { "node_modules/b": { version: "1.0.0" } } },
    /^node_modules\/b is locked without the SHA-512/,
  ],
  ["a weak digest", { locked: { "node_modules/b": { ...A, integrity: "sha1-AAAA" } } }, /without the SHA-512/],
  ...[
    "git+ssh://git@git.example/b.git#0123",
    "https://files.example/b-1.0.0.tgz",
    "http://registry.example/b/-/b-1.0.0.tgz",
    "https://registry.example/other/-/other-1.0.0.tgz",
    "https://registry.example/b/-/b-2.0.0.tgz",
    "file:../b",
  ].map(
    (resolved) =>
      [
        resolved,
        { locked: { "node_modules/b": { ...A, resolved } } },
        /^node_modules\/b comes from .* no registry/,
      ] as const,
  ),
  [
    "an install script, as the lockfile says",
    { locked: { "node_modules/b": { ...A, hasInstallScript: true } } },
    /^b wants to run a script/,
  ],
  [
    "an install script, as the package itself says",
    { installed: { "node_modules/a": { version: "1.0.0", scripts: { postinstall: "node x.js" } } } },
    /^a wants to run a script/,
  ],
  ["a listed script that is gone", { withScripts: { a: "…" } }, /^a has no install script any more/],
  [
    "a package that nobody locked",
    { installed: { "node_modules/a/node_modules/@scope/b": { version: "1.0.0" } } },
    /^node_modules\/a\/node_modules\/@scope\/b 1\.0\.0 is installed and not locked/,
  ],
  [
    "another version than the locked one in node_modules",
    { installed: { "node_modules/a": { version: "1.0.1" } } },
    /^node_modules\/a 1\.0\.1 is installed and not locked/,
  ],
];

for (const [what, project, says] of REFUSED) {
  test(`the gate refuses ${what}`, async () => {
    const faults = await judge(project);
    assert.equal(faults.length, 1, faults.join("\n"));
    assert.match(faults[0] ?? "", says);
  });
}

test("the gate accepts exact, locked, digested packages from any registry, and listed scripts", async () => {
  const resolved = "https://mirror.example/npm/@scope/b/-/b-2.0.0-rc.1.tgz";
  const faults = await judge({
    manifest: { dependencies: { a: "1.0.0" }, devDependencies: { "@scope/b": "2.0.0-rc.1" } },
    locked: {
      "node_modules/a": { ...A, dependencies: { c: "^1.0.0", "@scope/b": "*" }, hasInstallScript: true },
      "node_modules/a/node_modules/c": A,
      "node_modules/@scope/b": { ...A, version: "2.0.0-rc.1", resolved },
    },
    installed: { "node_modules/a": { version: "1.0.0" }, "node_modules/a/node_modules/c": { version: "1.0.0" } },
    withScripts: { a: "it is needed" },
  });
  assert.deepEqual(faults, []);
});
