import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../limits.ts";
import { createLog } from "../log.ts";
import { ExtractorTrouble } from "./extractor.ts";
import { Spawner } from "./spawner.ts";

const spawner = new Spawner(createLog("silent"));
after(() => spawner.close());

const run = (script: string) => spawner.spawn(process.execPath, ["-e", script]);
/** Answers what it is sent, and its own parent's pid. */
const ECHO = `
  const { readFileSync, writeSync } = require("node:fs");
  writeSync(1, process.ppid + " " + readFileSync(0, "utf8"));
  process.stderr.write("last words");
  process.exitCode = 7;`;
const WAIT = "setInterval(() => {}, 1000)";

test("a child reads, writes and ends as one of the server's own, but with nothing of its environment", async () => {
  const child = await run(ECHO);
  child.stdin.end("x".repeat(300_000));
  const answer = await text(child.stdout);
  assert.deepEqual(await child.ended, { exitCode: 7, signal: null, lastWords: "last words" });
  assert.notEqual(answer.split(" ")[0], String(process.pid));
  assert.equal(answer.split(" ")[1]?.length, 300_000);
  // It waits for its stdin: what a child says before the server holds both of its sockets may be lost.
  const bare = await run(
    'require("node:fs").readFileSync(0); process.stdout.write(JSON.stringify([process.env, process.cwd()]))',
  );
  bare.stdin.end();
  assert.equal(await text(bare.stdout), '[{},"/"]');
});

test("a child has nothing open that the server was started with, however high its number", {
  skip: !existsSync("/proc/self/fdinfo") && "needs /proc",
}, async () => {
  const lock = openSync(import.meta.filename, "r");
  // As flock(1) is used: `exec 200>lock`. What lies between is closed.
  const stdio = ["ignore", "pipe", "inherit", ...Array.from({ length: 197 }, () => "ignore" as const), lock] as const;
  const server = spawn(process.execPath, [join(import.meta.dirname, "fixtures/descriptors-server.ts")], {
    stdio: [...stdio],
  });
  closeSync(lock);
  assert.ok(server.stdout !== null);
  const open: unknown = JSON.parse(await text(server.stdout));
  assert.ok(Array.isArray(open) && open.length > 3);
  assert.ok(!open.includes(import.meta.filename));
});

test("a child that is killed says by what, and killing it again is harmless", async () => {
  const child = await run(WAIT);
  child.kill();
  assert.deepEqual(await child.ended, { exitCode: null, signal: "SIGKILL", lastWords: "" });
  child.kill();
});

test("a command that is not there is told as trouble of the machine", async () => {
  await assert.rejects(spawner.spawn("/absent/tool", []), (error) => {
    assert.ok(error instanceof ExtractorTrouble);
    assert.match(error.message, /not started.*ENOENT/);
    return true;
  });
});

/** The pid of a spawner: its children's parent. */
async function pidOf(of: Spawner): Promise<number> {
  const child = await of.spawn(process.execPath, ["-e", ECHO]);
  child.stdin.end();
  return Number((await text(child.stdout)).trim());
}

test("a spawner that hangs is ended after a while, and the next start begins another", async (t) => {
  const stopped = await pidOf(spawner);
  process.kill(stopped, "SIGSTOP");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const waiting = assert.rejects(run(WAIT), ExtractorTrouble);
  t.mock.timers.tick(LIMITS.childStartMs);
  await waiting;
  t.mock.timers.reset();
  assert.notEqual(await pidOf(spawner), stopped);
});

test("closing ends the children, also when the spawner hangs, and nothing is started afterwards", async (t) => {
  const other = new Spawner(createLog("silent"));
  const child = await other.spawn(process.execPath, ["-e", WAIT]);
  process.kill(await pidOf(other), "SIGSTOP");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const closing = other.close();
  t.mock.timers.tick(2000);
  await closing;
  assert.equal((await child.ended).signal, "SIGKILL");
  process.kill(child.pid, "SIGKILL");
  await assert.rejects(other.spawn(process.execPath, ["-e", ECHO]), ExtractorTrouble);
});

test("when the spawner is killed its children count as killed, and the next start begins another", async () => {
  const lost = await run(WAIT);
  const killed = await pidOf(spawner);
  process.kill(killed, "SIGKILL");
  const end = await lost.ended;
  assert.deepEqual([end.signal, end.lost], ["SIGKILL", true]);
  process.kill(lost.pid, "SIGKILL");
  assert.notEqual(await pidOf(spawner), killed);
});

test("a server that is killed while children are handed over leaves neither them nor the spawner behind", {
  skip: !existsSync("/bin/sleep") && "needs /bin/sleep",
}, async () => {
  const entry = join(import.meta.dirname, "fixtures/starting-server.ts");
  // A command line that nobody else has.
  const mark = `86400.${process.pid}`;
  for (let round = 0; round < 12; round++) {
    const server = spawn(process.execPath, [entry, mark], { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
    await sleep(round * 3);
    server.kill("SIGKILL");
    await once(server, "exit");
    const until = performance.now() + 60_000;
    while (running(mark).length > 0 && performance.now() < until) await sleep(20);
    assert.deepEqual(running(mark), [], `round ${round}`);
  }
});

/** Sleepers, and spawners as long as they have any. */
function running(mark: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(`/bin/sleep\0${mark}\0`);
    } catch {
      return false;
    }
  });
}
