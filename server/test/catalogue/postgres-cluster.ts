import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { accessSync, chownSync, constants, globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/**
 * A PostgreSQL server of its own for one test file: in a new folder, on a socket in it, with no address on any network.
 */
export interface PostgresCluster {
  /** Where clients connect to: the folder of the socket. */
  readonly host: string;
  readonly user: string;
  close(): Promise<void>;
}

const USER = "wharf";

/**
 * Settings of a server that lives for seconds. Syncs are off: what is tested is who waits for whom. A deadlock is
 * looked for after 50 ms, so that a test which meets one does not wait a second for it.
 */
const SETTINGS = {
  listen_addresses: "",
  max_connections: "150",
  max_locks_per_transaction: "256",
  deadlock_timeout: "50ms",
  fsync: "off",
  full_page_writes: "off",
  autovacuum: "off",
  shared_buffers: "32MB",
} as const;

/** Why no server can be started here; null when one can. */
export function lacksPostgres(): string | null {
  if (binaries() === null) return "needs PostgreSQL 15 or later (initdb and postgres), as .ci/run installs it";
  return isRoot() && account() === null ? "needs a user postgres: PostgreSQL does not run as root" : null;
}

export async function startPostgres(): Promise<PostgresCluster> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-pg-"));
  const bin = binaries();
  if (bin === null) throw new Error("there is no PostgreSQL here");
  const as = isRoot() ? account() : null;
  if (as !== null) chownSync(folder, as.uid, as.gid);
  const data = join(folder, "data");
  // The database sorts by a language that overlooks hyphens, so that a text which is not compared byte by byte, as in
  // SQLite, is noticed.
  const language = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-u-ka-shifted"];
  await promisify(execFile)(
    join(bin, "initdb"),
    ["--pgdata", data, "--username", USER, "--auth=trust", "--no-sync", ...language],
    { cwd: folder, env: {}, ...as },
  );
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: folder });
  const server = spawn(join(bin, "postgres"), ["-D", data, ...settings.flatMap(([k, v]) => ["-c", `${k}=${v}`])], {
    cwd: folder,
    env: {},
    stdio: ["ignore", "ignore", "pipe"],
    ...as,
  });
  const end = () => void server.kill("SIGQUIT");
  process.once("exit", end);
  await readyToAccept(server);
  // A test process whose tests are all filtered out runs no hook: the server must not keep it alive.
  server.unref();
  if (server.stderr instanceof Socket) server.stderr.unref();
  return {
    host: folder,
    user: USER,
    async close() {
      process.off("exit", end);
      server.ref();
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGINT");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves at the line that says so; rejects with what the server said when it ends before. */
async function readyToAccept(server: ChildProcess): Promise<void> {
  const said: string[] = [];
  if (server.stderr === null) throw new Error("the server's messages cannot be read");
  const lines = createInterface(server.stderr);
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      said.push(line);
      if (line.includes("database system is ready to accept connections")) resolve();
    });
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`PostgreSQL did not start:\n${said.join("\n")}`)));
  });
}

/** The folder of the newest version's programs: Debian keeps them out of the PATH. */
function binaries(): string | null {
  const folders = [...globSync("/usr/lib/postgresql/*/bin"), ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = folders.filter((folder) => isProgram(join(folder, "initdb")) && isProgram(join(folder, "postgres")));
  const newest = found
    .map((folder) => ({ folder, version: versionOf(folder) }))
    .sort((a, b) => b.version - a.version)[0];
  return newest !== undefined && newest.version >= 15 ? newest.folder : null;
}

function versionOf(folder: string): number {
  const said = execFileSync(join(folder, "initdb"), ["--version"], { encoding: "utf8" });
  return Number(/\(PostgreSQL\) (\d+)/.exec(said)?.[1] ?? 0);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account that the system's package makes. */
function account(): { readonly uid: number; readonly gid: number } | null {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((text) => text.startsWith("postgres:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}
