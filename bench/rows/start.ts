import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inheritedEnvironment } from "../../server/test/support/config.ts";
import { medians, type Row, row } from "../figures.ts";
import type { Options } from "../options.ts";
import { run } from "../processes/command.ts";
import { treeTime } from "../processes/processor-time.ts";
import { PROGRAM } from "../processes/wharf.ts";

const LOOK_MS = 2;
const BARE_SERVER = join(import.meta.dirname, "../floors/bare-server.mjs");

/**
 * From a command to what its user waits for: the help, and a server that is ready on a folder that is there. All in
 * turns, warm. bin/wharf begins with the `node` of the PATH, floors are of the Node of this bench. The processor time
 * tells the same of a busy machine.
 */
export async function start({ rounds, earlier }: Options): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "wharf-bench-start-"));
  const env = inheritedEnvironment();
  const port = String(await freePort());
  const server = (program: string, data: string): Command => ({
    command: join(program, "bin/wharf"),
    args: ["serve", "--port", port, "--data-dir", join(folder, data)],
    env,
  });
  const help = (program: string) => commandMs(join(program, "bin/wharf"), ["--help"], env);
  const bare = { command: process.execPath, args: [BARE_SERVER, join(folder, "bare.db"), port], env };
  const measure = async () => {
    const now = await untilReady(server(PROGRAM, "now"), port);
    const floor = await untilReady(bare, port);
    const before = earlier === null ? null : await untilReady(server(earlier, "earlier"), port);
    return {
      help: await help(PROGRAM),
      helpBefore: earlier === null ? Number.NaN : await help(earlier),
      empty: await commandMs(process.execPath, ["-e", "0"], env),
      ready: now.ms,
      readyBefore: before?.ms ?? Number.NaN,
      bare: floor.ms,
      used: now.processorMs,
      usedBefore: before?.processorMs ?? Number.NaN,
      bareUsed: floor.processorMs,
    };
  };
  try {
    // Makes the folders, and fills the caches.
    await measure();
    const figures = await medians(rounds, measure);
    const of = (name: Parameters<typeof figures.get>[0]) => figures.get(name) ?? Number.NaN;
    const than = (name: Parameters<typeof figures.get>[0]) =>
      earlier === null ? "" : `the version before: ${of(name).toFixed(0)} ms; `;
    const unit = "ms";
    return [
      row({
        what: "wharf --help",
        unit,
        figure: of("help"),
        floor: of("empty"),
        target: { of: "figure", atMost: 300 },
        note: `${than("helpBefore")}floor: node -e 0`,
      }),
      row({
        what: "wharf serve until /readyz says 200",
        unit,
        figure: of("ready"),
        floor: of("bare"),
        target: { of: "figure", atMost: 1000 },
        note: `${than("readyBefore")}floor: a server that answers from node:sqlite`,
      }),
      row({
        what: "processor time until then",
        unit,
        figure: of("used"),
        floor: of("bareUsed"),
        note: `${than("usedBefore")}all threads and processes`,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function commandMs(command: string, args: readonly string[], env: Command["env"]): Promise<number> {
  const ran = await run(command, args, env);
  if (ran?.exitCode !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${ran?.complained ?? "not found"}`);
  return ran.seconds * 1000;
}

async function untilReady({ command, args, env }: Command, port: string): Promise<{ ms: number; processorMs: number }> {
  const began = performance.now();
  const server = spawn(command, args, { env, stdio: "ignore" });
  const exited = once(server, "exit");
  const endWithUs = () => server.kill("SIGKILL");
  process.once("exit", endWithUs);
  try {
    while (!(await isReady(port))) {
      if (hasEnded(server)) throw new Error(`${command} ended with ${server.exitCode}`);
      await sleep(LOOK_MS);
    }
    return { ms: performance.now() - began, processorMs: 1000 * treeTime(server.pid ?? 0) };
  } finally {
    server.kill("SIGTERM");
    await exited;
    process.off("exit", endWithUs);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function isReady(port: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/readyz", agent: false }, (answer) => {
      answer.resume().once("close", () => resolve(answer.statusCode === 200));
    }).once("error", () => resolve(false));
  });
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}
