import { readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * The priority of a reader (nice, 0 to 19) against the server's. Linux shares processors among sessions first, where
 * autogroups are on, and a reader has a session of its own: nice alone would weigh it against itself, and each reader
 * as much as the whole server. Its session yields half as far, since it yields to all other programs of the machine,
 * which must not keep a document from being read. False when the system refuses, or the process is gone: it then
 * competes as an equal.
 */
export function setReaderPriority(pid: number, nice: number): boolean {
  try {
    setPriority(pid, nice);
  } catch {
    return false;
  }
  setGroupPriority(pid, nice);
  return true;
}

/** Best effort, too: not every kernel has autogroups, and it takes only ten changes a second from an ordinary user. */
function setGroupPriority(pid: number, nice: number): void {
  try {
    const group = groupOf(pid);
    if (group !== groupOf("self")) writeFileSync(`/proc/${pid}/autogroup`, String(Math.round(nice / 2)));
  } catch {
    // None here, or none for us.
  }
}

/** `/autogroup-42 nice 0` */
function groupOf(pid: number | "self"): string {
  return readFileSync(`/proc/${pid}/autogroup`, "latin1").split(" ", 1)[0] ?? "";
}
