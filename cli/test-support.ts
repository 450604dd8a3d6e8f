import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { readConfig } from "../server/src/config.ts";
import { createLog } from "../server/src/log.ts";
import { startWharf } from "../server/src/start.ts";
import { type JsonObject, parseObject } from "./client/json.ts";
import type { ExitCode } from "./exit-codes.ts";
import { runCli } from "./main.ts";

/** A real server in this process, on a folder of its own. */
export interface TestServer {
  readonly url: string;
  readonly key: string;
  readonly dataDir: string;
  /** What the client commands need. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends the server and keeps its folder; `begin` starts another on it, at the same address. */
  end(): Promise<void>;
  begin(): Promise<void>;
  /** Removes the folder, after ending the server if it runs. */
  remove(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestServer(publicUrl?: string): Promise<TestServer> {
  const root = await mkdtemp(join(tmpdir(), "wharf-cli-"));
  const dataDir = join(root, "data");
  // Behind a public URL the server does not say where it listens.
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const flags = { port: String(port), dataDir, workers: "1", ...(publicUrl === undefined ? {} : { publicUrl }) };
  const start = () => startWharf(readConfig(flags, {}), { log: createLog("silent") });
  let wharf = await start();
  const key = wharf.firstKey?.key ?? "";
  const remove = async () => {
    await wharf.stop();
    await rm(root, { recursive: true });
  };
  return {
    url,
    key,
    dataDir,
    env: { WHARF_URL: url, WHARF_API_KEY: key },
    end: () => wharf.stop(),
    async begin() {
      wharf = await start();
    },
    remove,
    stop: remove,
  };
}

/** A folder of the test's own, removed at its end. */
export async function temporaryFolder(test: { after(hook: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-cli-"));
  test.after(() => rm(folder, { recursive: true }));
  return folder;
}

export interface Run {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON document that it must be, or null. */
  readonly json: JsonObject | null;
}

/** Runs a command in this process, as a script would see it: no terminal. */
export async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
  stdin: Readable = Readable.from([]),
): Promise<Run> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const exitCode = await runCli(argv, {
    stdout: { isTerminal: false, write: (text) => void stdout.push(text) },
    stderr: { isTerminal: false, write: (text) => void stderr.push(text) },
    stdin: () => stdin,
    env,
    signal,
  });
  const text = stdout.join("");
  return { exitCode, stdout: text, stderr: stderr.join(""), json: parseObject(text) };
}

/** A TCP relay before the server that can stop passing bytes on, or cut: what a bad line does to an upload. */
export interface Relay {
  readonly url: string;
  /** Where it relays to. */
  target: string;
  /** Bytes passed on from clients so far. */
  readonly passed: () => number;
  /** Resolves when so many bytes have been passed on. */
  reached(bytes: number): Promise<void>;
  /** The path of the last upload_url that was written to. */
  readonly uploadPath: () => string;
  /** From so many bytes on: hold them back, or cut the connection once and be healthy again. null: healthy. */
  fault: { readonly at: number; readonly kind: "hold" | "cut" } | null;
  close(): Promise<void>;
}

export async function startRelay(): Promise<Relay> {
  const sockets = new Set<Socket>();
  const waiters: { readonly bytes: number; readonly resolve: () => void }[] = [];
  let passed = 0;
  let uploadPath = "";
  const server: Server = createServer((client) => {
    const { hostname, port } = new URL(relay.target);
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        // What has been passed on arrives, as it does when the kernel closes a killed process's socket.
        client.end();
        upstream.end();
      });
    }
    upstream.pipe(client);
    client.on("data", (chunk) => {
      const fault = relay.fault;
      if (fault !== null && passed >= fault.at) {
        if (fault.kind === "hold") return void client.pause();
        relay.fault = null;
        client.destroy();
        return;
      }
      passed += chunk.length;
      uploadPath = /^PUT (\S+)/.exec(chunk.toString("latin1", 0, 200))?.[1] ?? uploadPath;
      if (!upstream.write(chunk)) {
        client.pause();
        upstream.once("drain", () => client.resume());
      }
      for (const waiter of waiters) if (passed >= waiter.bytes) waiter.resolve();
    });
  });
  const relay: Relay = {
    url: "",
    passed: () => passed,
    uploadPath: () => uploadPath,
    reached: (bytes) =>
      passed >= bytes ? Promise.resolve() : new Promise((resolve) => void waiters.push({ bytes, resolve })),
    fault: null,
    target: "http://127.0.0.1:1",
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return Object.assign(relay, { url: `http://127.0.0.1:${await listen(server)}` });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** On any free port, which it returns. */
function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
