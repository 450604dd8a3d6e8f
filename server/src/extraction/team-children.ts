import type { Lane } from "./lanes.ts";

/** What counts of a child that waits for its team's next document. */
export interface TeamChild {
  /** Whose documents it has read. */
  readonly teamId: string | null;
  /** It was slowed down, and could not be sped up again. */
  readonly slowed: boolean;
}

/**
 * Children that have read a document, waiting for the next one of the same team. They are never given another team's:
 * code that took a reader over could keep the one's document and hand it to the other.
 *
 * Room is shared fairly: when it is full, the team that has most children here loses the one that has waited longest.
 */
export class TeamChildren<Child extends TeamChild> {
  readonly #room: number;
  /** The one that has waited longest stands first. */
  readonly #idle: Child[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  /** In the fast lane a slowed child is of no use; in the slow lane it is the first choice. */
  take(teamId: string, lane: Lane): Child | null {
    const own = this.#idle.filter((child) => child.teamId === teamId && (lane === "slow" || !child.slowed));
    const child = own.findLast(({ slowed }) => slowed) ?? own.at(-1) ?? null;
    if (child !== null) this.drop(child);
    return child;
  }

  /** Returns the child for which there is no room any more: it is to be ended. */
  keep(child: Child): Child | null {
    this.#idle.push(child);
    if (this.#idle.length <= this.#room) return null;
    const surplus = this.#longestWaitingOfLargest() ?? child;
    this.drop(surplus);
    return surplus;
  }

  /** It has ended. */
  drop(child: Child): void {
    const at = this.#idle.indexOf(child);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #longestWaitingOfLargest(): Child | undefined {
    const counts = new Map<string | null, number>();
    for (const { teamId } of this.#idle) counts.set(teamId, (counts.get(teamId) ?? 0) + 1);
    const most = Math.max(...counts.values());
    return this.#idle.find(({ teamId }) => counts.get(teamId) === most);
  }
}
