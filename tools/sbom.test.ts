import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { at, listAt, textAt } from "../server/test/support/json.ts";
import { nameOf, readLockfile } from "./packages/lockfile.ts";
import { sbom } from "./sbom.ts";

const ROOT = join(import.meta.dirname, "..");
const NO_NPM = spawnSync("npm", ["--version"]).status === 0 ? false : "needs npm on the PATH";

test("the bill of materials names each package that a server runs with, its digest and its licence, and no other", {
  skip: NO_NPM,
}, async () => {
  const bill: unknown = JSON.parse(await sbom(ROOT));
  assert.equal(textAt(bill, "bomFormat"), "CycloneDX");
  assert.match(textAt(bill, "specVersion"), /^1\.\d$/);
  assert.match(textAt(bill, "serialNumber"), /^urn:uuid:[0-9a-f-]{36}$/);
  assert.equal(textAt(bill, "metadata", "component", "name"), "wharf");
  assert.equal(textAt(bill, "metadata", "component", "type"), "application");

  const components = listAt(bill, "components");
  for (const component of components) {
    const name = textAt(component, "name");
    assert.equal(textAt(component, "type"), "library");
    assert.ok(textAt(component, "purl").startsWith("pkg:npm/"), name);
    assert.match(textAt(component, "hashes", 0, "content"), /^[0-9a-f]{128}$/, name);
    assert.ok(listAt(component, "licenses").length > 0, name);
  }
  // What stands twice in node_modules is one component.
  const locked = [...(await readLockfile(ROOT)).packages].filter(([path, { dev }]) => path !== "" && dev !== true);
  assert.deepEqual(
    components.map((component) => `${textAt(component, "name")}@${textAt(component, "version")}`).sort(),
    [...new Set(locked.map(([path, entry]) => `${nameOf(path)}@${textAt(entry, "version")}`))].sort(),
  );
  const references = new Set(components.map((component) => textAt(component, "bom-ref")));
  for (const { dependsOn } of listAt(bill, "dependencies").map((entry) => ({ dependsOn: at(entry, "dependsOn") })))
    for (const reference of Array.isArray(dependsOn) ? dependsOn : []) assert.ok(references.has(String(reference)));
});
