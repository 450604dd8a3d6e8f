import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { loadSecret, lockDataFolder, openDataFolder } from "./data-folder.ts";

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "wharf-folder-"));
});

afterEach(() => rmSync(scratch, { recursive: true }));

test("The folder and those above it are made, for its owner alone", () => {
  const folder = openDataFolder(join(scratch, "a/b/data"));
  for (const path of [folder.path, folder.blobs, folder.index]) assert.equal(statSync(path).mode & 0o777, 0o700, path);
  assert.deepEqual(openDataFolder(folder.path), folder);
});

test("A folder that others can read is refused with the command that mends it, and nothing is made in it", () => {
  const { path } = openDataFolder(join(scratch, "data"));
  chmodSync(path, 0o755);
  assert.throws(() => openDataFolder(path), { name: "ConfigError", message: /mode 755.*chmod 700/ });

  const theirs = join(scratch, "theirs");
  mkdirSync(theirs, { mode: 0o750 });
  writeFileSync(join(theirs, "notes.txt"), "mine");
  assert.throws(() => openDataFolder(theirs), { name: "ConfigError", message: /mode 750.*not empty.*--data-dir/ });
  assert.deepEqual(readdirSync(theirs), ["notes.txt"]);
  assert.equal(statSync(theirs).mode & 0o777, 0o750);
  assert.throws(() => openDataFolder(join(theirs, "notes.txt")), { name: "ConfigError", message: /is no folder/ });
});

test("An empty folder of ours that others can read becomes ours alone", () => {
  const path = join(scratch, "data");
  mkdirSync(path);
  chmodSync(path, 0o755);
  openDataFolder(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
});

test("An empty folder that others can read and that is another user's is refused as it is", {
  skip: process.getuid?.() === 0 ? false : "only root can give a folder away",
}, () => {
  const path = join(scratch, "data");
  mkdirSync(path);
  chmodSync(path, 0o755);
  chownSync(path, 12_345, 12_345);
  assert.throws(() => openDataFolder(path), { name: "ConfigError", message: /another user \(uid 12345\)/ });
  assert.deepEqual(readdirSync(path), []);
  assert.equal(statSync(path).mode & 0o777, 0o755);
});

test("A second lock on the folder is refused with one sentence, and the folder is free after the release", () => {
  const folder = openDataFolder(join(scratch, "data"));
  const lock = lockDataFolder(folder);
  assert.throws(() => lockDataFolder(folder), { name: "ConfigError", message: /Another Wharf server runs on .*data/ });
  lock.release();
  lockDataFolder(folder).release();
});

test("The lock is its owner's alone, also one that is there already, and holds while its mode is set", () => {
  const folder = openDataFolder(join(scratch, "data"));
  const path = join(folder.path, "server.lock");
  for (const before of [null, 0o644]) {
    if (before !== null) chmodSync(path, before);
    const lock = lockDataFolder(folder);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const other = spawnSync(process.execPath, ["-e", TRY_LOCK, path], { encoding: "utf8" });
    assert.match(other.stderr, /locked/, "another process finds it held");
    lock.release();
  }
});

/** What a second server does, in a process of its own: POSIX locks are a process's. */
const TRY_LOCK = `
  const { DatabaseSync } = require("node:sqlite");
  new DatabaseSync(process.argv[1], { timeout: 0 }).exec("BEGIN EXCLUSIVE");
`;

test("The secret is made once, read back the same, and what a crash left of making it is cleared away", () => {
  const folder = openDataFolder(join(scratch, "data"));
  writeFileSync(join(folder.path, "secret.tmp-0a0b0c"), "half a sec");
  const secret = loadSecret(folder);
  assert.ok(secret.length >= 43);
  assert.equal(loadSecret(folder), secret);
  assert.equal(statSync(join(folder.path, "secret")).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith("secret")),
    ["secret"],
  );
});

test("A damaged secret stops the start: new upload URLs must not silently differ from those that clients hold", () => {
  const folder = openDataFolder(join(scratch, "data"));
  loadSecret(folder);
  writeFileSync(join(folder.path, "secret"), "short");
  assert.throws(() => loadSecret(folder), { name: "ConfigError", message: /restore it from a backup/ });
  assert.equal(readFileSync(join(folder.path, "secret"), "utf8"), "short");
});
