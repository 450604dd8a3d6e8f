import { readFileSync, readlinkSync } from "node:fs";
import { descendants } from "./processes.ts";

/**
 * What the extraction children of a process were seen doing, from outside: memory, time, and attempts to
 * reach a network.
 */
export interface ChildSightings {
  /** Highest resident memory of one child, as the kernel kept it (VmHWM). */
  readonly peakRssBytes: number;
  /** Children that were seen, all in all. */
  readonly children: number;
  /** Children that asked for a route out of their empty network namespace, or opened a connection in it. */
  readonly networkAttempts: number;
}

const SAMPLE_MS = 200;

/**
 * Samples the descendants of a process. A child that lives for less than a sample may be missed; its memory was then
 * small, and one child reads up to 200 documents.
 *
 * A child has a network namespace of its own without any interface, so a listener outside cannot see it try. The kernel
 * counts it all the same: a connect() or sendto() without a route raises OutNoRoutes in the child's own
 * /proc/<pid>/net/snmp (seen rising, then relied upon).
 */
export class ChildWatch {
  readonly #pid: () => number;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Set<number>();
  readonly #tried = new Set<number>();
  #peakRssBytes = 0;

  /** `pid` is asked at each sample: a server may be started again. */
  constructor(pid: () => number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  stop(): ChildSightings {
    clearInterval(this.#timer);
    this.#sample();
    return { peakRssBytes: this.#peakRssBytes, children: this.#seen.size, networkAttempts: this.#tried.size };
  }

  #sample(): void {
    for (const child of descendants(this.#pid())) {
      try {
        const status = readFileSync(`/proc/${child}/status`, "latin1");
        this.#peakRssBytes = Math.max(this.#peakRssBytes, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024);
        this.#seen.add(child);
        if (readlinkSync(`/proc/${child}/ns/net`) === OWN_NETWORK) continue;
        if (networkUses(readFileSync(`/proc/${child}/net/snmp`, "latin1")) > 0) this.#tried.add(child);
      } catch {
        // It has just ended, or it is another user's and tells nothing.
      }
    }
  }
}

const OWN_NETWORK = networkOf("self");

function networkOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return null;
  }
}

/** Of /proc/net/snmp: packets without a route, connections opened, packets sent. */
export function networkUses(snmp: string): number {
  const uses: readonly (readonly [protocol: string, field: string])[] = [
    ["Ip", "OutNoRoutes"],
    ["Ip", "OutRequests"],
    ["Tcp", "ActiveOpens"],
  ];
  return uses.reduce((sum, [protocol, field]) => {
    const [names = [], values = []] = snmp
      .split("\n")
      .filter((line) => line.startsWith(`${protocol}: `))
      .map((line) => line.split(" "));
    const value = Number(values[names.indexOf(field)] ?? 0);
    return sum + (Number.isFinite(value) ? value : 0);
  }, 0);
}
