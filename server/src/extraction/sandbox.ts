import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { LIMITS } from "../limits.ts";
import type { Isolation } from "./extractor.ts";

/** Where the program's own code lives: the folder above `server/`. */
export const APP_ROOT: string = resolve(import.meta.dirname, "../../..");

/** In this folder also when a child's entry and program are elsewhere. */
const LAUNCHER = join(import.meta.dirname, "launch.mjs");

/** A command that runs a child, argument by argument, each tool by its absolute path: the environment is empty. */
export interface Jail {
  readonly command: string;
  readonly args: readonly string[];
  readonly isolation: Isolation;
}

export interface JailOptions {
  readonly appRoot: string;
  /** Script that the child runs, by way of launch.mjs. */
  readonly entry: string;
  /** Folders that the child may read besides the program's own (tests keep their entries there); usually none. */
  readonly readable?: readonly string[];
}

/**
 * The jails to try, the best first. Which parts this machine grants is found by running each tool once; whether the
 * unprivileged user can read the code (it cannot in a private clone) only a trial child shows, so that there are two to try.
 *
 * The order of the chain matters: limits first, then the network, then the user. setpriv is last, because its
 * `--pdeathsig KILL` does not survive a change of user; without it a SIGKILLed server leaves its children spinning (seen).
 */
export function jailsToTry(options: JailOptions): readonly Jail[] {
  const root = process.getuid?.() === 0;
  const parts = { limits: limits(), network: network(root) };
  const users = root ? [unprivilegedUser(), sameUser(true)] : [sameUser(false)];
  return users.map((user) => compose([parts.limits, parts.network, user], options));
}

/** One link of the chain: what it adds to the command line, what that gives, or what is missing. */
interface Link {
  readonly prefix: readonly string[];
  readonly gives: readonly string[];
  readonly lacks: readonly string[];
}

function limits(): Link {
  const prlimit = tool("prlimit");
  const cpuSeconds = Math.ceil((LIMITS.childLifeCpuMs + 2 * LIMITS.childCpuMs) / 1000);
  return link({
    // nofile: Node does not start with 16.
    prefix:
      prlimit === null
        ? null
        : [prlimit, `--data=${LIMITS.childDataBytes}`, "--core=0", "--nofile=64", `--cpu=${cpuSeconds}`],
    gives: ["memory and processor limits"],
    lack: "no memory limit from the kernel: install util-linux (prlimit)",
  });
}

function network(root: boolean): Link {
  const unshare = tool("unshare");
  return link({
    prefix: unshare === null ? null : [unshare, root ? "-n" : "-rn"],
    gives: ["no network"],
    lack: root
      ? "children can reach the network: allow the service to make network namespaces (CAP_SYS_ADMIN) or run it as a user"
      : "children can reach the network: allow unprivileged user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)",
  });
}

function unprivilegedUser(): Link {
  const setpriv = tool("setpriv");
  return link({
    prefix:
      setpriv === null ? null : [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", ...NO_PRIVILEGES],
    gives: ["unprivileged user", "no privileges", "dies with the server"],
    lack: "children run as root: install util-linux (setpriv)",
  });
}

function sameUser(root: boolean): Link {
  const setpriv = tool("setpriv");
  const made = link({
    prefix: setpriv === null ? null : [setpriv, ...NO_PRIVILEGES],
    gives: ["no privileges", "dies with the server"],
    lack: "children keep privileges and may outlive a killed server: install util-linux (setpriv)",
  });
  if (!root) return made;
  const advice =
    "children run as the server's own user: make the program's folder readable for uid 65534, or run the server as a user";
  return { ...made, lacks: [...made.lacks, advice] };
}

const NO_PRIVILEGES = ["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--pdeathsig", "KILL"] as const;

function link(options: { prefix: readonly string[] | null; gives: readonly string[]; lack: string }): Link {
  const { prefix } = options;
  if (prefix === null || !works(prefix)) return { prefix: [], gives: [], lacks: [options.lack] };
  return { prefix, gives: options.gives, lacks: [] };
}

/** A tool may be there and still be refused (containers forbid namespaces): it is tried on a command that does nothing. */
function works(prefix: readonly string[]): boolean {
  const nothing = tool("true");
  const [command, ...args] = prefix;
  if (nothing === null || command === undefined) return false;
  return (
    spawnSync(command, [...args, nothing], { env: {}, stdio: "ignore", timeout: LIMITS.childStartMs }).status === 0
  );
}

function compose(links: readonly Link[], options: JailOptions): Jail {
  const node = [process.execPath, ...nodeFlags(options), LAUNCHER, options.entry];
  const [command = process.execPath, ...args] = [...links.flatMap((part) => part.prefix), ...node];
  const proc = existsReadable("/proc/self/status");
  return {
    command,
    args,
    isolation: {
      inForce: ["no files but the program's own", ...links.flatMap((part) => part.gives)],
      missing: [
        ...links.flatMap((part) => part.lacks),
        ...(proc ? [] : ["memory and stopped children are not watched: there is no /proc"]),
      ],
    },
  };
}

function nodeFlags(options: JailOptions): readonly string[] {
  const readable = [
    join(options.appRoot, "server/src"),
    join(options.appRoot, "node_modules"),
    ...(options.readable ?? []),
  ];
  // A link is followed before permission is asked for.
  const folders = new Set(readable.flatMap((folder) => [folder, realpathSync(folder)]));
  return [
    "--permission",
    ...[...folders].map((folder) => `--allow-fs-read=${folder}`),
    `--max-old-space-size=${LIMITS.childHeapMib}`,
    "--disallow-code-generation-from-strings",
    "--no-warnings",
  ];
}

function tool(name: string): string | null {
  const found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map((folder) => join(folder, name)).find(isExecutable);
  return found ?? null;
}

function isExecutable(path: string): boolean {
  return canAccess(path, constants.X_OK);
}

function existsReadable(path: string): boolean {
  return canAccess(path, constants.R_OK);
}

function canAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
