import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
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
  const bare = await run("process.stdout.write(JSON.stringify([process.env, process.cwd()]))");
  assert.equal(await text(bare.stdout), '[{},"/"]');
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
    assert.match(error.message, /ENOENT/);
    return true;
  });
});

test("when the spawner is killed its children count as killed, and the next start begins another", async () => {
  const lost = await run(WAIT);
  const asked = await run(ECHO);
  asked.stdin.end();
  const parent = Number((await text(asked.stdout)).trim());
  process.kill(parent, "SIGKILL");
  assert.equal((await lost.ended).signal, "SIGKILL");
  process.kill(lost.pid, "SIGKILL");
  const next = await run(ECHO);
  next.stdin.end();
  assert.notEqual(Number((await text(next.stdout)).trim()), parent);
});
