import { LIMITS } from "../limits.ts";
import type { Gauge, Metrics } from "../metrics/metrics.ts";
import { Places } from "./places.ts";
import { Turns } from "./turns.ts";

/** What all teams share in this process, so that none of them slows another. */
export interface Budgets {
  readonly searches: Places;
  readonly lists: Places;
  readonly listings: Places;
  readonly polls: Places;
  readonly downloads: Places;
  /** Large answers that their clients have not taken yet, one place for each limits.answerPlaceBytes. */
  readonly answers: Places;
  /** Large JSON bodies, from before they are read until their answer; one place for each limits.jsonBodyBytes. */
  readonly bodies: Places;
  /** Requests that send bytes to an upload URL. */
  readonly uploads: Places;
  /** Answers that are being written (agents/). */
  readonly responses: Places;
  /** Requests of agents (mcp/); each has one call of the API under way at a time. */
  readonly agentCalls: Places;
  readonly rankings: Turns;
  readonly walks: Turns;
  readonly hashings: Turns;
  readonly pieces: Turns;
  gauges(): readonly Gauge[];
}

/**
 * `connections`: how many are served at once. Held polls and uploads need one each, so that no team may take them
 * all that way.
 */
export function createBudgets(metrics: Metrics, connections: number): Budgets {
  const places = (name: string, total: number) => new Places({ name, total, metrics });
  const shared = {
    searches: places("searches", LIMITS.searches),
    lists: places("lists", LIMITS.lists),
    listings: places("listings", LIMITS.bucketListings),
    polls: places("polls", Math.min(LIMITS.heldPolls, connections)),
    downloads: places("downloads", LIMITS.downloads),
    answers: places("answers", LIMITS.answerBytes / LIMITS.answerPlaceBytes),
    bodies: places("bodies", LIMITS.largeBodyBytes / LIMITS.jsonBodyBytes),
    uploads: places("uploads", connections),
    responses: places("responses", Math.min(LIMITS.responses, connections)),
    agentCalls: places("agent_calls", Math.min(LIMITS.agentCalls, connections)),
  };
  return {
    ...shared,
    rankings: new Turns({ atOnce: LIMITS.indexReaders, atOnceOfTeam: LIMITS.indexReadersOfTeam }),
    walks: new Turns({ atOnce: LIMITS.walks, atOnceOfTeam: LIMITS.walksOfTeam }),
    hashings: new Turns({ atOnce: LIMITS.hashings, atOnceOfTeam: LIMITS.hashingsOfTeam }),
    pieces: new Turns({ atOnce: LIMITS.pieces, atOnceOfTeam: LIMITS.piecesOfTeam }),
    gauges: () => [
      gaugeOf("wharf_places", "Places that all teams of this process share.", shared, ({ total }) => total),
      gaugeOf("wharf_places_taken", "Those of them that are taken.", shared, ({ taken }) => taken),
    ],
  };
}

function gaugeOf(name: string, say: string, shared: Readonly<Record<string, Places>>, value: (of: Places) => number) {
  return { name, say, samples: Object.values(shared).map((of) => ({ labels: { of: of.name }, value: value(of) })) };
}
