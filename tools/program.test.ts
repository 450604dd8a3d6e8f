import assert from "node:assert/strict";
import { type ExecFileOptions, execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

const REPOSITORY = join(import.meta.dirname, "..");
const NOBODY = 65_534;

/** What decides which program runs, and builds it. */
const COPIED = [
  "bin/wharf",
  "tools/bootstrap.mjs",
  "tools/program.mjs",
  "tools/build-program.ts",
  "server/src/program",
  "server/src/extraction/reader-code.ts",
];
/** What a program consists of besides its command line, with nothing in it. */
const EMPTY = [
  "server/src/threads/catalogue-owner.ts",
  "server/src/threads/catalogue-reader.ts",
  "server/src/search-index/fts5-writer-thread.ts",
  "server/src/search-index/fts5-reader-thread.ts",
  "server/src/extraction/spawner-process.ts",
  "server/src/extraction/child.ts",
];

/** Why `NOBODY` cannot start a program here; false = it can. */
function cannotBecomeNobody(): string | false {
  if (process.getuid?.() !== 0) return "needs root: only root can become somebody else";
  const { error } = spawnSync(process.execPath, ["--version"], { uid: NOBODY, gid: NOBODY });
  return error === undefined ? false : "needs a clone that every user can read";
}

/** A clone whose command line says a word of a file that it imports, and whether it was built. */
function clone(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "wharf-program-"));
  t.after(() => rmSync(root, { recursive: true }));
  chmodSync(root, 0o755);
  const file = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of COPIED) cpSync(join(REPOSITORY, path), join(root, path), { recursive: true });
  for (const path of EMPTY) file(path, "export {};\n");
  file("package.json", '{ "type": "module" }');
  file("package-lock.json", "{}");
  file(
    "cli/main.ts",
    `import { word } from "./word.ts";
export async function main(): Promise<void> {
  console.log(word, new Error().stack?.includes("node_modules/.program/") ? "built" : "source", import.meta.filename);
}
`,
  );
  file("cli/word.ts", 'export const word: string = "first";\n');
  file("node_modules/.lockfile-sha256", createHash("sha256").update("{}").digest("hex"));
  for (const name of ["esbuild", "@esbuild"])
    symlinkSync(join(REPOSITORY, "node_modules", name), join(root, "node_modules", name));
  const programs = join(root, "node_modules/.program");
  const folders = () => readdirSync(programs).filter((name) => name !== "program.json");
  return {
    root,
    programs,
    file,
    folders,
    /** What a start says: the word, whether it was built, and nothing else. */
    start: async (options: ExecFileOptions = {}) => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(root, "bin/wharf")], {
        env: {},
        ...options,
      });
      const [word, by, path] = String(stdout).trim().split(" ");
      assert.equal(path, join(root, "cli/main.ts"), "a source is where it was");
      return { said: `${word} ${by}`, stderr: String(stderr) };
    },
    /** The folder of the program that starts run. */
    current: () => join(programs, JSON.parse(readFileSync(join(programs, "program.json"), "utf8")).folder),
  };
}

test("the first start builds the program, the next ones run it as it is", async (t) => {
  const { start, folders } = clone(t);
  assert.deepEqual(await start(), { said: "first built", stderr: "" });
  assert.deepEqual(await start(), { said: "first built", stderr: "" });
  assert.equal(folders().length, 1);
});

test("a source that has changed is run, be it as long and as old as before", async (t) => {
  const { root, start, file, folders } = clone(t);
  await start();
  const path = join(root, "cli/word.ts");
  const { atime, mtime } = statSync(path);
  file("cli/word.ts", 'export const word: string = "other";\n');
  utimesSync(path, atime, mtime);
  assert.equal((await start()).said, "other built");
  assert.equal(folders().length, 2, "a server that runs may still need what it began with");
});

test("another lockfile is another program", async (t) => {
  const { start, file, folders } = clone(t);
  await start();
  file("package-lock.json", "{ }");
  file("node_modules/.lockfile-sha256", createHash("sha256").update("{ }").digest("hex"));
  assert.equal((await start()).said, "first built");
  assert.equal(folders().length, 2);
});

test("a few old programs are kept, those that run, and no more", async (t) => {
  const { start, file, folders, programs, current } = clone(t);
  const next = async (word: string) => {
    file("cli/word.ts", `export const word: string = "${word}";\n`);
    assert.equal((await start()).said, `${word} built`);
  };
  const age = (name: string, hours: number) => {
    const at = new Date(Date.now() - hours * 3_600_000);
    utimesSync(join(programs, name), at, at);
  };
  for (const word of ["a", "b", "c", "d", "e", "f"]) await next(word);
  assert.equal(folders().length, 6, "each of them ran a moment ago");
  for (const name of folders()) age(name, 4);
  // As a server does, whose program is an old one.
  const running = folders().find((name) => !current().endsWith(name)) ?? assert.fail("there is none");
  age(running, 0);
  for (const word of ["g", "h", "i", "j", "k"]) {
    await next(word);
    for (const name of folders()) if (name !== running) age(name, 4);
  }
  assert.ok(folders().includes(running));
  assert.equal(folders().length, 4);
  const before = current();
  age(before.slice(programs.length + 1), 4);
  assert.equal((await start()).said, "k built");
  assert.ok(Date.now() - statSync(before).mtimeMs < 60_000, "a start says that its program runs");
});

for (const [what, damage] of [
  ["a byte", (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace("first", "worst"))],
  ["its end", (path: string) => writeFileSync(path, "")],
  ["a file", (path: string) => rmSync(path)],
] as const)
  test(`a program that has lost ${what} is built anew, and not run`, async (t) => {
    const { start, current } = clone(t);
    await start();
    const damaged = current();
    damage(join(damaged, "main.mjs"));
    assert.deepEqual(await start(), { said: "first built", stderr: "" });
    assert.notEqual(current(), damaged);
  });

test("a record of which a power cut left a part is no record", async (t) => {
  const { start, file } = clone(t);
  await start();
  file("node_modules/.program/program.json", '{ "folder": "');
  assert.equal((await start()).said, "first built");
});

test("what a build that was ended left behind is not run", async (t) => {
  const { start, file } = clone(t);
  file("node_modules/.program/half/main.mjs", 'export const main = () => console.log("half");\n');
  assert.equal((await start()).said, "first built");
});

test("starts at the same time build one program, and all run it", async (t) => {
  const { start, folders } = clone(t);
  const starts = await Promise.all([start(), start(), start()]);
  assert.deepEqual(
    starts.map(({ said }) => said),
    ["first built", "first built", "first built"],
  );
  assert.equal(folders().length, 1);
});

test("where the packages may not be written to, the source runs, and nobody is told of it at each start", {
  skip: cannotBecomeNobody(),
}, async (t) => {
  const { start } = clone(t);
  assert.deepEqual(await start({ uid: NOBODY, gid: NOBODY }), { said: "first source", stderr: "" });
});

test("what others may not write to, they may run", {
  skip: cannotBecomeNobody(),
}, async (t) => {
  const { start } = clone(t);
  await start();
  assert.deepEqual(await start({ uid: NOBODY, gid: NOBODY }), { said: "first built", stderr: "" });
});

test("root leaves nothing beside packages of somebody else, who could not remove it", {
  skip: cannotBecomeNobody(),
}, async (t) => {
  const { root, start, programs } = clone(t);
  chownSync(join(root, "node_modules"), NOBODY, NOBODY);
  assert.deepEqual(await start(), { said: "first source", stderr: "" });
  assert.deepEqual(await start({ uid: NOBODY, gid: NOBODY }), { said: "first built", stderr: "" });
  assert.deepEqual(await start(), { said: "first built", stderr: "" }, "root runs what its owner has built");
  const left = readdirSync(programs, { recursive: true }).map((path) => join(programs, String(path)));
  assert.deepEqual(
    left.filter((path) => statSync(path).uid !== NOBODY),
    [],
  );
});

test("a build that was killed holds up nobody, nor does its number when it is this start's own", async (t) => {
  const { root, programs, start } = clone(t);
  mkdirSync(programs);
  const inContainer = `echo -n $$ > ${join(programs, "building")}; exec ${process.execPath} ${join(root, "bin/wharf")}`;
  const options = { env: {}, timeout: 20_000 };
  const { stdout, stderr } = await promisify(execFile)("/bin/sh", ["-c", inContainer], options);
  assert.match(stdout, /^first built/);
  assert.equal(stderr, "");
  assert.deepEqual(await start(), { said: "first built", stderr: "" });
});

test("who may write where everybody may holds up no build", async (t) => {
  const { root, start } = clone(t);
  const TMPDIR = join(root, "tmp");
  mkdirSync(TMPDIR);
  const name = `wharf-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  writeFileSync(join(TMPDIR, name), String(process.pid));
  assert.deepEqual(await start({ env: { TMPDIR }, timeout: 20_000 }), { said: "first built", stderr: "" });
});

test("a build that the disk has no room for leaves nothing, and the source runs", async (t) => {
  const { root, folders } = clone(t);
  const fewBytes = `ulimit -f 1; exec ${process.execPath} ${join(root, "bin/wharf")}`;
  const { stdout, stderr } = await promisify(execFile)("/bin/sh", ["-c", fewBytes], { env: {} });
  assert.match(stdout, /^first source/);
  assert.match(stderr, /^wharf: the program could not be built, and its source is run: EFBIG/);
  assert.deepEqual(folders(), []);
});

test("without room for a lock the source runs", async (t) => {
  const { root, programs } = clone(t);
  mkdirSync(programs);
  const noBytes = `ulimit -f 0; exec ${process.execPath} ${join(root, "bin/wharf")}`;
  const { stdout, stderr } = await promisify(execFile)("/bin/sh", ["-c", noBytes], { env: {} });
  assert.match(stdout, /^first source/);
  assert.match(stderr, /^wharf: the program could not be built, and its source is run: EFBIG/);
  assert.deepEqual(readdirSync(programs), []);
});

test("what is built does not depend on a tsconfig.json", async (t) => {
  const { start, file } = clone(t);
  file("tsconfig.json", '{ "compilerOptions": { "useDefineForClassFields": false } }');
  file(
    "cli/word.ts",
    `export let word = "defined";
class Base {
  set field(_value: string) {
    word = "assigned";
  }
}
class Derived extends Base {
  // @ts-ignore
  override field = "";
}
new Derived();
`,
  );
  assert.deepEqual(await start(), { said: "defined built", stderr: "" });
});

test("without the bundler the source runs", async (t) => {
  const { root, start } = clone(t);
  rmSync(join(root, "node_modules/esbuild"));
  assert.deepEqual(await start(), { said: "first source", stderr: "" });
});

test("a build that fails is told, and the source runs", async (t) => {
  const { start, file } = clone(t);
  file("server/src/threads/catalogue-owner.ts", 'import "./absent.ts";\n');
  const { said, stderr } = await start();
  assert.equal(said, "first source");
  assert.match(stderr, /^wharf: the program could not be built, and its source is run: .*absent/s);
});
