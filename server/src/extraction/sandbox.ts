import { accessSync, constants } from "node:fs";
import { join, resolve } from "node:path";
import type { SandboxMode } from "../config.ts";
import { LIMITS } from "../limits.ts";
import type { Isolation } from "./extractor.ts";
import { type Identity, identitiesToTry, type JailPart, limits } from "./jail-parts.ts";
import { type Walls, wallsToTry } from "./jail-walls.ts";
import type { UserRange } from "./reader-users.ts";
import { rootEntries, withTargets } from "./shut-root.ts";
import { believed, type Works, works } from "./system-tools.ts";

/** Where the program's own code lives: the folder above `server/`. */
export const APP_ROOT: string = resolve(import.meta.dirname, "../../..");

/** In this folder also when a child's entry and program are elsewhere. */
const LAUNCHER = join(import.meta.dirname, "launch.mjs");

/** How readers are shut in, each tool by its absolute path: their environment is empty. */
export interface Jail {
  readonly by: Walls["by"];
  /** What the process that starts the readers is itself started with; empty = nothing. */
  readonly spawner: readonly string[];
  /** Numbers for users of their own; null when readers run as somebody who is there already. */
  readonly users: UserRange | null;
  /** The command line of a reader, as `user` when there are `users`. */
  readonly command: (user: number | null) => readonly string[];
  readonly isolation: Isolation;
}

export interface JailOptions {
  readonly mode: SandboxMode;
  readonly appRoot: string;
  /** Script that the child runs, by way of launch.mjs. */
  readonly entry: string;
  /** Folders that the child may read besides the program's own (tests keep their entries there); usually none. */
  readonly readable?: readonly string[];
  /** Tries a tool alone; tests count. */
  readonly works?: Works;
}

/**
 * The jails to try, the strongest first: a trial reader shows which is the first that works, since only that tells
 * whether another user can read the code. Walls stand behind the change of user: they cost a start nothing that can be
 * measured with unshare, 5 ms with bubblewrap.
 *
 * The first is what this machine gives if every tool that it has does its work: a reader that starts in there has shown
 * it of all of them. Only when it does not is each of them tried alone (20 ms that stop the server's thread).
 */
export function* jailsToTry(options: JailOptions): Generator<Jail> {
  if (options.mode === "off") return yield unjailed(nodeCommand(options));
  const { works: alone = works } = options;
  yield* jailsOfParts(options, believed).slice(0, 1);
  yield* jailsOfParts(options, alone);
}

/** Of the parts that are to be had here as far as `works` tells. */
export function jailsOfParts(options: JailOptions, works: Works): readonly Jail[] {
  const node = nodeCommand(options);
  const root = process.getuid?.() === 0;
  const bounds = limits(works);
  const walls = wallsToTry(root, rootEntries(shownTo(options)), works);
  return identitiesToTry(root, works).flatMap((identity) =>
    walls.map((around) => jailOf(node, bounds, identity, around)),
  );
}

function nodeCommand(options: JailOptions): readonly string[] {
  return [process.execPath, ...nodeFlags(shownTo(options)), LAUNCHER, options.entry];
}

function shownTo({ appRoot, readable = [] }: JailOptions): readonly string[] {
  return withTargets([join(appRoot, "server/src"), join(appRoot, "node_modules"), LAUNCHER, ...readable]);
}

function jailOf(node: readonly string[], bounds: JailPart, identity: Identity, walls: Walls): Jail {
  const lacks = [...bounds.lacks, ...identity.lacks, ...walls.lacks, ...unwatched()];
  return {
    by: walls.by,
    spawner: walls.spawner,
    users: identity.users,
    command: (user) => {
      const reader = { user, walled: walls.by !== "none" };
      return [...bounds.prefix(reader), ...walls.outer, ...identity.prefix(reader), ...walls.inner, ...node];
    },
    isolation: {
      strength: lacks.length === 0 ? "full" : "reduced",
      inForce: [PERMISSION_MODEL, ...bounds.gives, ...identity.gives, ...walls.gives],
      missing: lacks,
    },
  };
}

function unjailed(node: readonly string[]): Jail {
  const missing = ["switched off (WHARF_SANDBOX)", ...unwatched()];
  const isolation: Isolation = { strength: "none", inForce: [PERMISSION_MODEL], missing };
  return { by: "none", spawner: [], users: null, command: () => node, isolation };
}

const PERMISSION_MODEL = "Node's permission model";

function unwatched(): readonly string[] {
  try {
    accessSync("/proc/self/status", constants.R_OK);
    return [];
  } catch {
    return ["memory and stopped readers are not watched: there is no /proc"];
  }
}

/**
 * The permission model refuses files but these, writing, processes, threads, addons, WASI and the inspector (tried,
 * Node 24.21). It does not cover what SQLite opens, SIGUSR1 that starts the inspector, nor the log files that V8 writes
 * when it is told to while it runs: those are switched off, the last one by ending the process. Nor sockets: they are
 * for the walls.
 */
function nodeFlags(readable: readonly string[]): readonly string[] {
  return [
    "--permission",
    ...readable.map((folder) => `--allow-fs-read=${folder}`),
    "--no-experimental-sqlite",
    "--no-addons",
    "--disable-sigusr1",
    "--freeze-flags-after-init",
    "--disallow-code-generation-from-strings",
    `--max-old-space-size=${LIMITS.childHeapMib}`,
    "--no-warnings",
  ];
}
