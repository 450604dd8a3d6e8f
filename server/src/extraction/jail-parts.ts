import { LIMITS } from "../limits.ts";
import { type UserRange, userRange } from "./reader-users.ts";
import { tool, type Works } from "./system-tools.ts";

/**
 * What one part of a jail puts before a reader's command, what that gives, and what is missing on this machine, each
 * with what to do about it.
 */
export interface JailPart {
  readonly prefix: (reader: ReaderPlace) => readonly string[];
  readonly gives: readonly string[];
  readonly lacks: readonly string[];
}

export interface ReaderPlace {
  /** Number of a user of its own, or null. */
  readonly user: number | null;
  /** Walls come behind this part. */
  readonly walled: boolean;
}

/** Who a reader is. */
export interface Identity extends JailPart {
  /** Numbers for users of their own; null when readers run as somebody who is there already. */
  readonly users: UserRange | null;
}

export function limits(works: Works): JailPart {
  const prlimit = tool("prlimit");
  const cpuSeconds = Math.ceil((LIMITS.childLifeCpuMs + 2 * LIMITS.childCpuMs) / 1000);
  // nofile: Node does not start with 16.
  const all = [`--data=${LIMITS.childDataBytes}`, "--core=0", "--nofile=64", `--cpu=${cpuSeconds}`];
  if (prlimit === null || !works([prlimit, ...all]))
    return missing("the kernel does not limit memory: install util-linux (prlimit)");
  // Threads are counted by user: a limit for somebody who runs other things, too, would stop those.
  const threads = ({ user }: ReaderPlace) => (user === null ? [] : [`--nproc=${LIMITS.childThreads}`]);
  return {
    prefix: (reader) => [prlimit, ...all, ...threads(reader)],
    gives: ["memory and processor limits"],
    lacks: [],
  };
}

/**
 * The strongest first. A user of their own may be unable to read the code: in a clone whose files are for the server's
 * user alone.
 */
export function identitiesToTry(root: boolean, works: Works): readonly Identity[] {
  const setpriv = tool("setpriv");
  if (setpriv === null || !works([setpriv, ...dropped(false)])) {
    const lack =
      "readers keep the server's user and privileges, and may outlive a killed server: install util-linux (setpriv)";
    return [{ ...missing(lack), users: null }];
  }
  const gives = ["no privileges", "dies with the server"];
  const same: Identity = { prefix: ({ walled }) => [setpriv, ...dropped(walled)], gives, lacks: [], users: null };
  if (!root) return [same];
  const users = userRange();
  const another: Identity = {
    prefix: ({ user, walled }) => {
      const number = String(user ?? NOBODY);
      return [setpriv, "--reuid", number, "--regid", number, "--clear-groups", ...dropped(walled)];
    },
    gives: [users === null ? "another user" : "a user of its own", ...gives],
    lacks: users === null ? ["readers share one user: give the container more user numbers"] : [],
    users,
  };
  return [
    another,
    {
      ...same,
      lacks: ["readers keep root's number: make the program's files readable for all, or run the server as a user"],
    },
  ];
}

const NOBODY = 65_534;

/**
 * `--pdeathsig` does not survive a change of user, so it comes with it. Without it a SIGKILLed server leaves its
 * readers spinning (seen). Behind walls one privilege stays until Node is started: Linux wants it of whoever gives root
 * another number in a new namespace.
 */
function dropped(walled: boolean): readonly string[] {
  const bounding = walled ? "-all,+setfcap" : "-all";
  return [`--bounding-set=${bounding}`, "--inh-caps=-all", "--no-new-privs", "--pdeathsig", "KILL"];
}

function missing(lack: string): JailPart {
  return { prefix: () => [], gives: [], lacks: [lack] };
}
