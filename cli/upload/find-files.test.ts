import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EXIT } from "../exit-codes.ts";
import { temporaryFolder } from "../test-support.ts";
import { findFiles } from "./find-files.ts";

const MODULE = fileURLToPath(new URL("./find-files.ts", import.meta.url));

/** What was found below the folder: each filename, and why it cannot be uploaded. */
async function found(...paths: string[]): Promise<readonly (readonly [string, string | null])[]> {
  const files = await findFiles(paths, null);
  return files.map((file) => [file.filename, "error" in file ? file.error.message : null]);
}

test("what is no regular file, or has a name that is no UTF-8, is named with the way out, and the rest is found", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "sub"));
  for (const name of ["a.txt", "z.txt", "sub/b.txt"]) await writeFile(join(folder, name), "x");
  await writeFile(Buffer.concat([Buffer.from(`${folder}/m`), Buffer.from([0xfc]), Buffer.from("ller.txt")]), "x");
  await symlink(join(folder, "a.txt"), join(folder, "link.txt"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  const socket = createServer().listen(join(folder, "socket"));
  await once(socket, "listening");
  t.after(() => socket.close());

  const files = await found(folder);
  assert.deepEqual(
    files.map(([name]) => name),
    ["a.txt", "m\ufffdller.txt", "pipe", "socket", "sub/b.txt", "z.txt"],
  );
  const messages = new Map(files);
  for (const name of ["a.txt", "sub/b.txt", "z.txt"]) assert.equal(messages.get(name), null);
  for (const name of ["pipe", "socket"]) assert.match(messages.get(name) ?? "", /no regular file.*wharf upload -/);
  assert.match(messages.get("m\ufffdller.txt") ?? "", /not valid UTF-8: rename it/);
});

test("a named pipe or a device that is named itself is refused without being opened", async (t) => {
  const pipe = join(await temporaryFolder(t), "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const [name, why] of await found(pipe, "/dev/zero")) assert.match(why ?? "", /no regular file/, name);
});

test("a path that leads nowhere is named, and its neighbours are found; when all do, the command line is wrong", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "a.txt"), "x");
  await symlink("gone.txt", join(folder, "dangling"));
  await symlink("ring", join(folder, "ring"));
  const inside = (name: string) => join(folder, name);
  const files = await found(inside("dangling"), inside("a.txt"), inside("a.txt/"), inside("ring"));
  assert.deepEqual(
    files.map(([name, why]) => [name, why?.match(/\((\w+)\): check the path/)?.[1] ?? null]),
    [
      ["dangling", "ENOENT"],
      ["a.txt", null],
      ["a.txt", "ENOTDIR"],
      ["ring", "ELOOP"],
    ],
  );
  await assert.rejects(found(inside("dangling"), ""), { code: "no_such_file", exitCode: EXIT.usage });
});

test("a folder that may not be read is named, and its neighbours are found", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root can become somebody who may not");
  const folder = await mkdtemp(join(tmpdir(), "wharf-find-"));
  t.after(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  await mkdir(join(folder, "closed"), { mode: 0o700 });
  await writeFile(join(folder, "good.txt"), "x");
  await chown(join(folder, "closed"), 0, 0);
  const code = `const { findFiles } = await import(${JSON.stringify(MODULE)});
    process.setuid(65534);
    console.log(JSON.stringify(await findFiles([${JSON.stringify(folder)}], null), ["filename", "error", "code"]));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const told = await text(child.stdout);
  const files: unknown = JSON.parse(told);
  assert.ok(Array.isArray(files));
  assert.deepEqual(
    files.map(({ filename, error }) => [filename, error?.code]),
    [
      ["closed", "unreadable"],
      ["good.txt", undefined],
    ],
  );
});
