import { join } from "node:path";
import { placeForRoot, type RootEntry } from "./shut-root.ts";
import { tool, type Works } from "./system-tools.ts";

/** What keeps a reader from the machine, whoever it is and whatever its code has become. */
export interface Walls {
  readonly by: "unshare" | "bubblewrap" | "none";
  /** What the process that starts the readers is itself started with; empty = nothing. */
  readonly spawner: readonly string[];
  /** Before the reader's user is changed … */
  readonly outer: readonly string[];
  /** … and after. */
  readonly inner: readonly string[];
  readonly gives: readonly string[];
  readonly lacks: readonly string[];
}

/** The best first. */
export function wallsToTry(root: boolean, entries: readonly RootEntry[], works: Works): readonly Walls[] {
  return [byUnshare(root, entries, works), byBubblewrap(entries, works), onlyNetwork(root, works)].filter(
    (walls) => walls !== null,
  );
}

const WALLED = {
  outer: [],
  gives: ["a root that holds the program and Node alone", "no network", "no other process"],
  lacks: [],
} as const;

/** Somebody else than root in there: then Linux takes the privileges of a new namespace away when Node is started. */
const NOBODY = "65534";

/**
 * The root is built once, in the mount namespace of the process that starts the readers; each reader is shut in there
 * in user, PID, IPC and network namespaces of its own. A process whose root is not its namespace's can make no further
 * namespaces of users, and so reaches less of the kernel.
 */
function byUnshare(root: boolean, entries: readonly RootEntry[], works: Works): Walls | null {
  const [unshare, shell, mount, place] = [tool("unshare"), tool("sh"), tool("mount"), placeForRoot(entries)];
  if (unshare === null || shell === null || mount === null || place === null) return null;
  const users = ["--user", `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];
  const reader = [unshare, ...users, "--net", "--ipc", "--pid", "--fork", "--kill-child"];
  // Slave: what the machine unmounts is unmounted there as well, and not held busy by us.
  const spawner = [unshare, ...(root ? [] : ["--user", "--map-root-user"]), "--mount", "--propagation", "slave"];
  if (!works(reader) || !works(spawner)) return null;
  const shown = entries.flatMap(({ path, run }) => [run ? "run" : "read", path]);
  return {
    ...WALLED,
    by: "unshare",
    spawner: [...spawner, shell, PREPARE_ROOT, place, ...shown, "--"],
    inner: [...reader, `--root=${place}`, "--wd=/"],
  };
}

const PREPARE_ROOT = join(import.meta.dirname, "prepare-root.sh");

/** All of it for each reader anew. */
function byBubblewrap(entries: readonly RootEntry[], works: Works): Walls | null {
  const bwrap = tool("bwrap");
  if (bwrap === null) return null;
  const namespaces = ["--unshare-all", "--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL"];
  const reader = [bwrap, ...namespaces, "--die-with-parent", "--as-pid-1"];
  if (!works([...reader, "--ro-bind", "/", "/"])) return null;
  const shown = entries.flatMap(({ path }) => ["--ro-bind", path, path]);
  return {
    ...WALLED,
    by: "bubblewrap",
    spawner: [],
    inner: [...reader, ...shown, "--remount-ro", "/", "--chdir", "/"],
  };
}

/** Most containers allow none of it; some at least an empty network. */
function onlyNetwork(root: boolean, works: Works): Walls {
  const unshare = tool("unshare");
  const network = unshare === null ? [] : [unshare, root ? "-n" : "-rn"];
  const apart = works(network);
  const open = ["files and other processes are kept from readers by users and by Node alone", NAMESPACES];
  return {
    by: "none",
    spawner: [],
    outer: apart ? network : [],
    inner: [],
    gives: apart ? ["no network"] : [],
    lacks: [...(apart ? [] : ["readers can reach the network"]), open.join(": ")],
  };
}

const NAMESPACES =
  "install bubblewrap, or let the service make namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns; a container's seccomp profile)";
