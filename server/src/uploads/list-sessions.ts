import type { Catalogue } from "../catalogue/catalogue.ts";
import type { SessionState } from "../catalogue/schema.ts";
import { cursorAt, readCursor } from "../cursor.ts";
import type { Holder, Places } from "../fairness/places.ts";
import type { Turns } from "../fairness/turns.ts";
import { LIMITS } from "../limits.ts";
import { listSessions } from "./list-sessions.store.ts";
import type { Session } from "./session.ts";

export interface SessionPageDeps {
  readonly catalogue: Catalogue;
  readonly lists: Places;
  readonly walks: Turns;
}

export interface SessionPageQuery {
  readonly status?: SessionState | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/**
 * LST-1. What matches rarely is looked for in several reads, each in its turn; then the page stays short. Throws
 * `invalid_request`, `overloaded`.
 */
export async function sessionPage(
  deps: SessionPageDeps,
  by: Holder,
  gone: AbortSignal,
  { status, limit = LIMITS.listDefault, cursor }: SessionPageQuery,
): Promise<{ readonly sessions: readonly Session[]; readonly nextCursor: string | null }> {
  const { teamId } = by;
  const list = { list: `sessions ${status ?? ""}`, teamId };
  const place = deps.lists.take(by);
  try {
    const sessions: Session[] = [];
    let after = cursor === undefined ? null : readCursor(list, "sess", cursor);
    for (let reads = 0; reads < LIMITS.listReads; reads++) {
      const wanted = { teamId, status: status ?? null, after, limit: limit - sessions.length };
      const page = await deps.walks.run(by, gone, () => deps.catalogue.run(listSessions, wanted));
      sessions.push(...page.sessions);
      after = page.next;
      if (after === null || sessions.length === limit) break;
    }
    return { sessions, nextCursor: after === null ? null : cursorAt(list, after) };
  } finally {
    place.free();
  }
}
