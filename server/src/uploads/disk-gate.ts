import type { BlobStore } from "../blobs/blob-store.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { TeamId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { bytesOwed } from "./sweep.store.ts";

/**
 * Whether there is room for more: below the reserve create answers 507 and `upload_url` 503, and everything
 * else goes on.
 */
export interface DiskGate {
  /**
   * For a create of the team that promises `bytes`. Refused: the disk has no room, or what is left is not the team's:
   * it may be promised more while that is less than what can still be promised to others. Without such a share one
   * team's empty sessions, five a second, would have refused everybody else's in half an hour. Never throws: no answer
   * means no room is known to lack.
   */
  roomForSession(teamId: TeamId, bytes: number): Promise<Room | "disk" | "team">;
  /**
   * For a data request that may write `bytes`, which were promised already; null when those before it may use
   * the reserve up.
   */
  roomForData(bytes: number): Promise<Room | null>;
}

export interface Room {
  /**
   * The create made no session, or the data request has ended. What was held for nothing would refuse everybody else
   * until the next look: 2 000 PUTs a second that end at once took 50 GB of it. Call it once.
   */
  giveBack(): void;
}

/** One look at the disk and one at the catalogue serve everybody for this long … */
const LOOK_EVERY_MS = 1000;
/**
 * … and for this long when little is left: what the catalogue and the index write meanwhile is counted by the next look
 * alone, and a fast machine writes megabytes of it in a second.
 */
const LOOK_EVERY_NEAR_MS = 100;
/**
 * … or, up to a second, for so many times as long as it took: of 200 000 sessions that may still send one takes 40 ms,
 * and others read the catalogue too.
 */
const LOOKS_APART = 4;
/** More than both logs can grow to before they are truncated (sqlite/wal-checkpoint.ts). */
const NEAR_BYTES = 64 * 1024 * 1024;

/**
 * The reserve is the smaller of 1 GiB and 5 % of the disk (limits.ts), counted after what open sessions may still send.
 * What was let in since the last look counts as well, so that a burst within one second cannot overrun it.
 *
 * Bytes that no record lists yet are on the disk and owed as well, since they may have to be sent again: they are
 * counted once.
 */
export function createDiskGate(deps: {
  blobs: BlobStore;
  catalogue: Catalogue;
  /**
   * Bytes of requests under way that no record lists yet, and those that they may still write; and what of them
   * no row promises.
   */
  unrecorded: {
    totals(): { readonly onDiskBytes: number; readonly toComeBytes: number };
    readonly unpromisedBytes: number;
  };
  reserveBytes: number | null;
}): DiskGate {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let lookTookMs = 0;
  let looking: Promise<void> | null = null;
  let seen: Seen = { writable: Number.POSITIVE_INFINITY, promisable: Number.POSITIVE_INFINITY, owed: new Map() };

  const look = async () => {
    // Before the disk is asked: what is written meanwhile then counts twice for a second, never not at all.
    const { onDiskBytes, toComeBytes } = deps.unrecorded.totals();
    const { unpromisedBytes } = deps.unrecorded;
    const [disk, owed] = await Promise.all([deps.blobs.check(), deps.catalogue.run(bytesOwed, {})]);
    const owedBytes = [...owed.values()].reduce((sum, bytes) => sum + bytes, unpromisedBytes);
    const share = disk.totalBytes === null ? Number.POSITIVE_INFINITY : disk.totalBytes * LIMITS.diskReserveShare;
    const reserve = deps.reserveBytes ?? Math.min(LIMITS.diskReserveBytes, share);
    const aboveReserve = disk.freeBytes === null ? Number.POSITIVE_INFINITY : disk.freeBytes - reserve;
    seen = {
      writable: aboveReserve - toComeBytes,
      promisable: aboveReserve - Math.max(0, owedBytes - onDiskBytes),
      owed: new Map(owed),
    };
  };

  const lookUnlessWithin = async (ms: number) => {
    const now = performance.now();
    if (now - lookedAt <= ms) return;
    looking ??= look().finally(() => {
      lookedAt = performance.now();
      lookTookMs = lookedAt - now;
      looking = null;
    });
    await looking.catch(() => {});
  };

  const lookNowAndThen = () => {
    const isNear = Math.min(seen.writable, seen.promisable) < NEAR_BYTES;
    const nearMs = Math.max(LOOK_EVERY_NEAR_MS, LOOKS_APART * lookTookMs);
    return lookUnlessWithin(isNear ? Math.min(nearMs, LOOK_EVERY_MS) : LOOK_EVERY_MS);
  };

  const isOverShare = (teamId: TeamId) => {
    const owed = seen.owed.get(teamId) ?? 0;
    return owed > 0 && owed >= seen.promisable;
  };

  /** What comes back after the next look, which counted anew, changes nothing any more. */
  const take = (kind: "writable" | "promisable", bytes: number): Room => {
    const from = seen;
    from[kind] -= bytes;
    return {
      giveBack: () => {
        from[kind] += bytes;
      },
    };
  };

  const promise = (teamId: TeamId, bytes: number): Room => {
    const { owed } = seen;
    const add = (more: number) => owed.set(teamId, (owed.get(teamId) ?? 0) + more);
    const room = take("promisable", bytes);
    add(bytes);
    return {
      giveBack: () => {
        room.giveBack();
        add(-bytes);
      },
    };
  };

  return {
    async roomForSession(teamId, bytes) {
      await lookNowAndThen();
      // What it was promised since the last look may have come by now.
      if (isOverShare(teamId)) await lookUnlessWithin(Math.min(LOOKS_APART * lookTookMs, LOOK_EVERY_MS));
      if (seen.promisable < bytes) return "disk";
      return isOverShare(teamId) ? "team" : promise(teamId, bytes);
    },
    async roomForData(bytes) {
      await lookNowAndThen();
      return seen.writable < 0 ? null : take("writable", bytes);
    },
  };
}

/** Bytes that were left at the last look, less what was let in since. */
interface Seen {
  writable: number;
  promisable: number;
  /** What each team was promised of it. */
  readonly owed: Map<TeamId, number>;
}
