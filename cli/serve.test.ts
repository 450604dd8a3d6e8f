import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ENVIRONMENTS, startIn } from "../server/src/extraction/fixtures/environments.ts";
import { LIMITS } from "../server/src/limits.ts";
import { objectIn, parseObject, textIn } from "./client/json.ts";
import { EXIT } from "./exit-codes.ts";
import { run, temporaryFolder } from "./test-support.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** `wharf serve` as its own process, and what it printed by the time it was ready. */
async function serve(
  dataDir: string,
  more: readonly string[] = [],
  nodeFlags: readonly string[] = [],
): Promise<{ child: ChildProcess; printed: string }> {
  const argv = [...nodeFlags, MAIN, "serve", "--port", "0", "--data-dir", dataDir, "--workers", "1", ...more];
  const child = spawn(process.execPath, argv, { env: { PATH: process.execPath }, stdio: ["ignore", "pipe", "ignore"] });
  const lines: string[] = [];
  // The last line of either banner, or of the JSON document.
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (/^echo "5\. |^More keys: |^}$/.test(line)) break;
  }
  return { child, printed: lines.join("\n") };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const exited = once(child, "exit");
  // Two at once, as under npm, where the terminal and npm both send one: the end stays an orderly one. (The kernel
  // would merge two equal ones.)
  child.kill(signal);
  child.kill(signal === "SIGINT" ? "SIGTERM" : "SIGINT");
  const [code] = await exited;
  return code;
}

test("the first start prints a key and a tour that runs as printed; the second finds everything and prints neither", async (t) => {
  const folder = await temporaryFolder(t);
  const dataDir = join(folder, "data");
  const first = await serve(dataDir);
  t.after(() => first.child.kill("SIGKILL"));
  assert.match(first.printed, /^export WHARF_API_KEY=sk_[A-Za-z0-9]+$/m);
  assert.equal((await stat(dataDir)).mode & 0o777, 0o700);

  const tour = first.printed.slice(first.printed.indexOf("export WHARF_API_KEY="));
  const { stdout } = await promisify(execFile)("sh", ["-c", tour], {
    cwd: folder,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  });
  assert.match(stdout, /^1\. Created: sess_\w+$/m);
  assert.match(stdout, /^2\. Uploaded: 83 bytes are on disk$/m);
  assert.match(stdout, /^3\. Finalized: file_\w+$/m);
  assert.match(stdout, /^4\. Status: indexed$/m);
  assert.match(stdout, /^5\. Found on page 1: Ships longer than forty metres take a pilot/m);

  const other = await run(["serve", "--port", "0", "--data-dir", dataDir]);
  assert.equal(other.exitCode, EXIT.config);
  assert.match(other.stderr, /^wharf: Another Wharf server runs on [^\n]+\n$/);

  assert.equal(await end(first.child, "SIGTERM"), EXIT.ok);
  const second = await serve(dataDir);
  t.after(() => second.child.kill("SIGKILL"));
  assert.doesNotMatch(second.printed, /sk_/);
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(second.printed)?.[0] ?? "";
  const key = /sk_[A-Za-z0-9]+/.exec(first.printed)?.[0] ?? "";
  const found = await run(["search", "forty metres", "--bucket", "tour"], { WHARF_URL: url, WHARF_API_KEY: key });
  assert.equal(found.exitCode, EXIT.ok);
  assert.match(found.stdout, /^wharf-tour\.txt, page 1 /m);
  assert.match(found.stdout, /Ships longer than forty metres/);
  assert.equal(await end(second.child, "SIGINT"), EXIT.ok);
});

test("a first start that fails half-way ends, and leaves the first key to the next one", async (t) => {
  const dataDir = await temporaryFolder(t);
  // In the way of the last thing that a start makes.
  await writeFile(join(dataDir, "spool"), "");
  const argv = [MAIN, "serve", "--port", "0", "--data-dir", dataDir];
  const failing = spawn(process.execPath, argv, { env: { PATH: process.execPath }, stdio: "ignore" });
  t.after(() => failing.kill("SIGKILL"));
  const [code] = await once(failing, "exit", { signal: AbortSignal.timeout(180_000) });
  assert.notEqual(code, EXIT.ok);
  await rm(join(dataDir, "spool"));
  const { child, printed } = await serve(dataDir);
  t.after(() => child.kill("SIGKILL"));
  assert.match(printed, /^export WHARF_API_KEY=sk_[A-Za-z0-9]+$/m);
  assert.equal(await end(child, "SIGTERM"), EXIT.ok);
});

test("the first key goes into a new file for its owner alone; the output names it, and its tour reads it", async (t) => {
  const folder = await temporaryFolder(t);
  const [dataDir, file] = [join(folder, "data"), join(folder, "it's the first key")];
  const first = await serve(dataDir, ["--first-key-file", file]);
  t.after(() => first.child.kill("SIGKILL"));
  assert.doesNotMatch(first.printed, /sk_/);
  assert.ok(first.printed.includes(`is in ${file}, `));
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const key = await readFile(file, "utf8");
  assert.match(key, /^sk_[A-Za-z0-9]{49}\n$/);
  const exported = first.printed.split("\n").find((line) => line.startsWith("export WHARF_API_KEY="));
  const { stdout } = await promisify(execFile)("sh", ["-c", `${exported}\nprintf %s "$WHARF_API_KEY"`]);
  assert.equal(stdout, key.trim());
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(first.printed)?.[0] ?? "";
  const headers = { Authorization: `Bearer ${key.trim()}` };
  assert.equal((await fetch(`${url}/v1/connection`, { headers })).status, 200);
  assert.equal(await end(first.child, "SIGTERM"), EXIT.ok);

  const second = await serve(dataDir, ["--first-key-file", file]);
  t.after(() => second.child.kill("SIGKILL"));
  assert.doesNotMatch(second.printed, /WHARF_API_KEY/);
  assert.equal(await readFile(file, "utf8"), key);
  assert.equal(await end(second.child, "SIGTERM"), EXIT.ok);
});

test("a file for the first key that is there, or cannot be made, ends the start; the key is left to the next one", async (t) => {
  const folder = await temporaryFolder(t);
  const dataDir = join(folder, "data");
  const taken = join(folder, "taken");
  await writeFile(taken, "somebody's notes");
  await symlink(join(folder, "elsewhere"), join(folder, "link"));
  for (const file of [taken, join(folder, "link"), join(folder, "no such folder", "key"), join(taken, "key")]) {
    const refused = await run(["serve", "--port", "0", "--data-dir", dataDir, "--first-key-file", file]);
    assert.equal(refused.exitCode, EXIT.config, refused.stderr);
    assert.match(refused.stderr, /^wharf: WHARF_FIRST_KEY_FILE names [^\n]+: name a new file [^\n]+\.\n$/);
    assert.equal(refused.stdout, "");
  }
  assert.equal(await readFile(taken, "utf8"), "somebody's notes");
  assert.deepEqual((await readdir(folder)).sort(), ["data", "link", "taken"]);

  const { child, printed } = await serve(dataDir, ["--json", "--first-key-file", join(folder, "key")]);
  t.after(() => child.kill("SIGKILL"));
  const first = objectIn(parseObject(printed), "first_key");
  assert.deepEqual(Object.keys(first ?? {}), ["file", "id", "team", "team_id", "name", "scopes"]);
  assert.equal(textIn(first, "file"), join(folder, "key"));
  assert.match(await readFile(join(folder, "key"), "utf8"), /^sk_/);
  assert.equal(await end(child, "SIGTERM"), EXIT.ok);
});

test("an address that cannot be had ends the start with the setting's name and 78, and leaves the first key", async (t) => {
  const folder = await temporaryFolder(t);
  const holder = createServer().listen(0, "127.0.0.1");
  t.after(() => holder.close());
  await once(holder, "listening");
  const { port } = Object(holder.address());
  const cases: readonly (readonly [host: string, port: string, says: RegExp])[] = [
    ["127.0.0.1", String(port), /listens there already: stop it, or choose another port/],
    ["203.0.113.7", "0", /does not have that address/],
  ];
  for (const [host, where, says] of cases) {
    const refused = await run(["serve", "--host", host, "--port", where, "--data-dir", join(folder, "data")]);
    assert.equal(refused.exitCode, EXIT.config, refused.stderr);
    assert.match(refused.stderr, says);
    assert.match(refused.stderr, /wharf: WHARF_HOST and WHARF_PORT are [^\n]+\.\n$/);
  }
  const { child, printed } = await serve(join(folder, "data"));
  t.after(() => child.kill("SIGKILL"));
  assert.match(printed, /^export WHARF_API_KEY=sk_/m);
  assert.equal(await end(child, "SIGTERM"), EXIT.ok);
});

test("serve --json prints one document with the address and the first key", async (t) => {
  const { child, printed } = await serve(join(await temporaryFolder(t), "data"), ["--json"]);
  t.after(() => child.kill("SIGKILL"));
  const json = parseObject(printed);
  assert.deepEqual(Object.keys(json ?? {}), ["url", "dashboard_url", "docs_url", "data_dir", "first_key"]);
  const headers = { Authorization: `Bearer ${textIn(objectIn(json, "first_key"), "key")}` };
  assert.equal((await fetch(`${textIn(json, "url")}/v1/connection`, { headers })).status, 200);
  assert.equal(await end(child, "SIGTERM"), EXIT.ok);
});

test("a server that cannot stop ends all the same, in time and with an exit code that says so", async (t) => {
  const loops = new URL("../server/src/maintenance/maintenance.ts", import.meta.url);
  const hang = `import { Maintenance } from ${JSON.stringify(loops)}; Maintenance.prototype.stop = () => new Promise(() => {});`;
  const flags = ["--import", `data:text/javascript,${encodeURIComponent(hang)}`];
  const { child } = await serve(join(await temporaryFolder(t), "data"), [], flags);
  t.after(() => child.kill("SIGKILL"));
  const began = performance.now();
  assert.equal(await end(child, "SIGTERM"), EXIT.stopHung);
  assert.ok(performance.now() - began < LIMITS.stopMs + 5000);
});

const CONTAINER = ENVIRONMENTS.find(({ name }) => name === "root in a container");

test("a server that must jail its readers fully does not start where it cannot, and says what is missing", {
  skip: CONTAINER === undefined ? "needs an environment" : (CONTAINER.unavailable ?? false),
}, async (t) => {
  if (CONTAINER === undefined) return;
  const folder = await temporaryFolder(t);
  const argv = [MAIN, "serve", "--port", "0", "--data-dir", join(folder, "data"), "--sandbox", "require"];
  const child = startIn(CONTAINER, folder, [process.execPath, ...argv], "pipe");
  const said = child.stderr === null ? "" : await text(child.stderr);
  assert.match(
    said,
    /wharf: WHARF_SANDBOX is require, and the jail to be had here is reduced: .*readers can reach the network;/,
  );
  assert.equal(child.exitCode ?? (await once(child, "exit"))[0], EXIT.config);
});

test("a signal does not open the inspector of a server", async (t) => {
  const dataDir = join(await temporaryFolder(t), "data");
  const argv = [MAIN, "serve", "--port", "0", "--data-dir", dataDir];
  const child = spawn(process.execPath, argv, { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const said = text(child.stderr);
  await once(child.stdout, "data");
  child.kill("SIGUSR1");
  // Two signals are handled in their order: when this one has ended the server, the other has been seen.
  child.kill("SIGTERM");
  assert.doesNotMatch(await said, /Debugger/);
});

test("SIGTERM to npm start ends the server: nothing is left that holds the data folder", async (t) => {
  const dataDir = join(await temporaryFolder(t), "data");
  const argv = ["start", "--", "--port", "0", "--data-dir", dataDir, "--workers", "1"];
  const root = fileURLToPath(new URL("..", import.meta.url));
  // In a process group of its own, so that the test leaves nothing behind when it fails.
  const npm = spawn("npm", argv, { cwd: root, stdio: ["ignore", "pipe", "ignore"], detached: true });
  let ended = false;
  t.after(() => ended || process.kill(-(npm.pid ?? 0), "SIGKILL"));
  // Closed when the last process that has its stdout ends, not when npm does.
  const closed = once(npm, "close", { signal: AbortSignal.timeout(120_000) });
  for await (const line of createInterface({ input: npm.stdout })) if (/^echo "5\. /.test(line)) npm.kill("SIGTERM");
  await closed;
  ended = true;
  const { child } = await serve(dataDir);
  t.after(() => child.kill("SIGKILL"));
  assert.equal(await end(child, "SIGTERM"), EXIT.ok);
});
