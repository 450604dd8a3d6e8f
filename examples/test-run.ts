import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after } from "node:test";
import { promisify } from "node:util";
import { Api } from "../server/test/support/api.ts";
import { inheritedEnvironment } from "../server/test/support/config.ts";
import { type CuttingProxy, openCuttingProxy } from "../server/test/support/cutting-proxy.ts";
import { ownServer } from "../server/test/support/target.ts";

export const EXAMPLES = import.meta.dirname;

export interface Running {
  readonly program: ChildProcess;
  readonly ended: Promise<Ran>;
}

export interface Ran {
  /** -1: ended by a signal. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fresh server as an example meets it: the rate limit is there, and bytes come over a network that breaks. */
export class ExampleServer {
  readonly api: Api;
  /** What carries the bytes. */
  readonly proxy: CuttingProxy;

  private constructor(api: Api, proxy: CuttingProxy) {
    this.api = api;
    this.proxy = proxy;
  }

  /**
   * The first connection that brings more than `cutAfterBytes` to an upload URL is cut. Closed when the file's tests
   * are done.
   */
  static async start(cutAfterBytes: number): Promise<ExampleServer> {
    const port = await freePort();
    const proxy = await openCuttingProxy(`http://127.0.0.1:${port}`, cutAfterBytes, 1);
    after(() => proxy.close());
    const publicUrl = new URL(proxy.through(`http://127.0.0.1:${port}`)).origin;
    const server = await ownServer({
      WHARF_PORT: String(port),
      WHARF_PUBLIC_URL: publicUrl,
      WHARF_CREATES_PER_SECOND: "5",
    });
    return new ExampleServer(new Api(`http://127.0.0.1:${port}`, server.key), proxy);
  }

  /** Runs a program of the examples against it. */
  run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return this.begin(command, args, env).ended;
  }

  /** The same, for who wants to end it before. */
  begin(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const settings = { WHARF_URL: this.api.base, WHARF_API_KEY: this.api.key, NO_PROXY: "*", LC_ALL: "C.UTF-8" };
    const program = spawn(command, args, { env: { ...inheritedEnvironment(), ...settings, ...env } });
    const ended = Promise.all([once(program, "close"), text(program.stdout), text(program.stderr)]).then(
      ([[exitCode], stdout, stderr]) => ({ exitCode: Number(exitCode ?? -1), stdout, stderr }),
    );
    return { program, ended };
  }
}

/** Of the file's tests alone, gone with them. */
export async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-example-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Why tests that need it are skipped; false: it is there. */
export async function missing(command: string, args: readonly string[]): Promise<string | false> {
  return promisify(execFile)(command, [...args]).then(
    () => false as const,
    () => `${command} is not installed`,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
