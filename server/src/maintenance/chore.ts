/**
 * What keeps a server's rows, bytes and index in order without being asked. Each of them has this one shape.
 *
 * - **batch**: one bounded step (`runOnce`): a few hundred rows or stored objects, or one original. It may be
 *   repeated at any time.
 * - **round**: batches from the beginning of what there is to its end.
 * - **position**: where the next batch begins. It is kept in the catalogue, so that a round goes on after a restart.
 */
export interface Chore {
  /** The label in metrics and the key of its position: never another chore's, and the same in every version. */
  readonly name: string;
  /**
   * From the beginning of a round to the beginning of the next one, ms. A round that takes longer is followed at once
   * by the next.
   */
  readonly everyMs: number;
  /** How much of the time of a round it works, 0 to 1; the rest of it it rests, batch by batch. */
  readonly share: number;
  /**
   * The batch at `position` (the last batch's `next`; null: at the beginning). What it throws is an outage: it is
   * logged, and the batch is tried again. Aborted: it ends soon, and its result does not count.
   */
  runOnce(position: string | null, signal: AbortSignal): Promise<Batch>;
}

export interface Batch {
  /**
   * Where the next batch begins; null: at the beginning. Ids and names that we made, and at most some kilobytes of
   * them.
   */
  readonly next: string | null;
  /**
   * It was the round's last batch. (Not the same as `next` null: what a chore knows beside its place may outlive a
   * round.)
   */
  readonly ended: boolean;
  /** Rows or objects that were looked at. */
  readonly looked: number;
  /** Of those, what was put in order. */
  readonly mended: number;
  /** Of those, what could not be, and held nothing else up: the next round comes to it again. Default: 0. */
  readonly failed?: number;
}
