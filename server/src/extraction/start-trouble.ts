import { ExtractorTrouble } from "./extractor.ts";
import type { ChildEnd } from "./spawner-process.ts";

/**
 * Of a child that ended before it was ready. What its tools, Node or itself said last is recognised and not repeated:
 * a log shows no text of a reader, and from here on none can be told from a tool's.
 */
export function endedTooEarly({ exitCode, signal, lastWords }: ChildEnd): ExtractorTrouble {
  const how = signal ?? (exitCode === null ? "not started" : `exit code ${exitCode}`);
  const by = TOOLS.find((tool) => lastWords.includes(`${tool}: `)) ?? "no tool named";
  const why = REASONS.find(([words]) => words.test(lastWords))?.[1] ?? "the reason is not known";
  return new ExtractorTrouble(`An extraction child ended before it was ready (${how}, ${by}): ${why}.`);
}

const TOOLS = ["prlimit", "setpriv", "unshare", "bwrap", "node"] as const;

/** In the words of the C library, of Node, and of the codes of both. */
const REASONS: readonly (readonly [words: RegExp, why: string])[] = [
  [/not permitted|permission denied|EPERM|EACCES/i, "this machine does not permit it (EPERM or EACCES)"],
  [
    /no such file|cannot find (?:module|package)|shared object|ENOENT|ERR_MODULE_NOT_FOUND/i,
    "a tool, a library or a file of the program is missing (ENOENT)",
  ],
  [/out of memory|cannot allocate memory|ENOMEM/i, "there is no memory for it (ENOMEM)"],
  [/temporarily unavailable|EAGAIN/i, "no more processes may be started (EAGAIN)"],
  [/too many open files|EMFILE|ENFILE/i, "no more files may be opened (EMFILE)"],
  [/no space left|ENOSPC/i, "a disk is full, or no more namespaces may be made (ENOSPC)"],
  [
    /invalid (?:argument|option)|(?:unrecognized|unknown|bad) option|EINVAL/i,
    "a tool or the kernel is too old (EINVAL)",
  ],
];
