import type { Catalogue } from "../catalogue/catalogue.ts";
import { type ErrorCode, invalidRequest, WharfError } from "../errors.ts";
import type { FileId, SessionId, TaskId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Arrivals } from "./arrivals.ts";
import { type ItemError, itemError } from "./batch.ts";
import type { Finalizer } from "./finalize.ts";
import { type BatchItemView, type BatchRef, useBatch } from "./read-batch.store.ts";
import type { Session } from "./session.ts";

export interface FinalizedItem {
  readonly clientFileId: string;
  readonly sessionId: SessionId;
  readonly fileId: FileId;
  readonly taskId: TaskId;
}

export type BatchResult =
  | { readonly kind: "finalized" | "replayed"; readonly item: FinalizedItem }
  | {
      readonly kind: "pending";
      readonly clientFileId: string;
      readonly session: Session;
      readonly arrived: number;
    }
  | { readonly kind: "failed"; readonly clientFileId: string; readonly session: Session; readonly error: ItemError };

export interface FinalizeBatchDeps {
  readonly catalogue: Catalogue;
  readonly finalizer: Finalizer;
  readonly arrivals: Pick<Arrivals, "received">;
}

/** What ends an item alone. Anything else is the machine's trouble: the request fails, and is repeated. */
const OF_ITEM: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "session_expired",
  "session_cancelled",
  "session_not_found",
  "conflict",
  "integrity_error",
  "checksum_mismatch",
]);

/** What the client wants checked: client_file_id → sha256, lower-case hexadecimal. */
export type ExpectedSha256s = ReadonlyMap<string, string>;

/**
 * Finalizes each accepted item whose bytes are there, a few at a time, and says of every other one why not. Each is a
 * finalize of its own: safe to repeat, beside another one too, and after a server that died half-way. Throws
 * `batch_not_found`, and `invalid_request` before anything is finalized.
 */
export async function finalizeBatch(
  deps: FinalizeBatchDeps,
  ref: BatchRef,
  expected: ExpectedSha256s,
  gone: AbortSignal,
): Promise<readonly BatchResult[]> {
  const batch = await deps.catalogue.run(useBatch, ref);
  if (batch === null) throw new WharfError("batch_not_found");
  refuseStrangers(batch.items, expected);
  const accepted = batch.items.flatMap(({ session, ...item }) => (session === null ? [] : [{ ...item, session }]));
  const results: BatchResult[] = [];
  const left = accepted.entries();
  let failed = false;
  const lane = async () => {
    for (const [place, item] of left) {
      if (failed) return;
      try {
        results[place] = await finalizeItem(deps, ref, item, expected.get(item.clientFileId) ?? null, gone);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  // All of them end before an error goes on: nothing runs on behind an answer.
  const lanes = await Promise.allSettled(Array.from({ length: LIMITS.batchFinalizesAtOnce }, lane));
  for (const one of lanes) if (one.status === "rejected") throw one.reason;
  return results;
}

/** A digest of no item would be compared with nothing, and its sender believe that it was. */
function refuseStrangers(items: readonly BatchItemView[], expected: ExpectedSha256s): void {
  const known = new Set(items.map(({ clientFileId }) => clientFileId));
  const stranger = [...expected.keys()].find((name) => !known.has(name));
  if (stranger === undefined) return;
  const field = `sha256.${stranger}`;
  throw invalidRequest(field, `${field} is of no file of this batch: name files by their client_file_id.`);
}

async function finalizeItem(
  { finalizer, arrivals }: FinalizeBatchDeps,
  { teamId }: BatchRef,
  { clientFileId, session }: Omit<BatchItemView, "session"> & { readonly session: Session },
  sha256: string | null,
  gone: AbortSignal,
): Promise<BatchResult> {
  try {
    const expected = { sha256, crc32c: null };
    const { fileId, taskId, madeNow } = await finalizer.finalize(teamId, session.id, expected, gone, session);
    const item = { clientFileId, sessionId: session.id, fileId, taskId };
    return { kind: madeNow ? "finalized" : "replayed", item };
  } catch (error) {
    if (!(error instanceof WharfError)) throw error;
    if (error.code === "upload_incomplete") {
      const { bytes } = await arrivals.received(session);
      return { kind: "pending", clientFileId, session, arrived: bytes };
    }
    if (OF_ITEM.has(error.code)) return { kind: "failed", clientFileId, session, error: itemError(error) };
    throw error;
  }
}
