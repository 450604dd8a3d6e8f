import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ToolError } from "../../server/src/mcp/tool.ts";
import { CliError } from "../exit-codes.ts";
import { temporaryFolder } from "../test-support.ts";
import { openRoot } from "./root.ts";

test("a path leads into the folder or is refused: links, .. and absolute ones too", async (t) => {
  const folder = await temporaryFolder(t);
  const root = join(folder, "root");
  await mkdir(join(root, "sub"), { recursive: true });
  await mkdir(join(folder, "root-beside"));
  await writeFile(join(root, "sub", "in.txt"), "inside");
  await writeFile(join(folder, "secret.txt"), "outside");
  await writeFile(join(folder, "root-beside", "a.txt"), "outside");
  await symlink(join(folder, "secret.txt"), join(root, "link.txt"));
  await symlink(folder, join(root, "up"));
  await symlink(join(root, "sub"), join(root, "inner"));
  await symlink("loop", join(root, "loop"));
  const read = await openRoot(root);

  for (const path of [
    "sub/in.txt",
    join(root, "sub/in.txt"),
    "inner/in.txt",
    "sub/../sub/in.txt",
    "up/root/sub/in.txt",
  ])
    assert.equal(Buffer.from(await read(path)).toString(), "inside", path);
  const outside = /is outside the folder of --root/;
  const refused: readonly (readonly [path: string, says: RegExp])[] = [
    ["../secret.txt", outside],
    [join(folder, "secret.txt"), outside],
    ["link.txt", outside],
    ["up/secret.txt", outside],
    ["../root-beside/a.txt", outside],
    ["../nothing-there", outside],
    ["/etc/passwd", outside],
    ["/proc/self/environ", outside],
    ["/dev/zero", outside],
    ["sub", /no regular file/],
    ["sub/absent.txt", /no file/],
    ["loop", /no file/],
    ["sub/in.txt\0", /no file/],
    ["", outside],
  ];
  for (const [path, says] of refused)
    await assert.rejects(read(path), (error) => error instanceof ToolError && says.test(error.message), path);
});

test("a root that is a link is where it leads to; one that is no folder is a setting to correct", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "real"));
  await writeFile(join(folder, "real", "a.txt"), "inside");
  await symlink(join(folder, "real"), join(folder, "alias"));
  const read = await openRoot(join(folder, "alias"));
  assert.equal(Buffer.from(await read(join(folder, "alias", "a.txt"))).toString(), "inside");
  for (const wrong of [join(folder, "absent"), join(folder, "real", "a.txt")])
    await assert.rejects(openRoot(wrong), (error) => error instanceof CliError && /--root names/.test(error.message));
});
