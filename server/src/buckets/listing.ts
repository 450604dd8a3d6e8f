import { Readable } from "node:stream";
import { ClientGoneError } from "../fairness/turns.ts";
import type { Downloads } from "../files/downloads.ts";
import type { Log } from "../log.ts";
import { type BucketsDeps, bucketsOf, type ListBuckets } from "./list-buckets.ts";
import { bucketToWire } from "./wire.ts";

export interface ListingDeps extends BucketsDeps {
  /** Places for listings that are being sent. */
  readonly listings: Downloads;
  readonly log: Log;
}

export interface ListingRequest extends ListBuckets {
  readonly method: "GET" | "HEAD";
  readonly requestId: string;
}

/**
 * `{team_id, buckets, next_cursor?, request_id}`, written as it is read: built whole, 400 000 buckets took 1.6 GB and
 * stopped the server for seconds. Throws `invalid_request` and `overloaded`; a later error cuts the transfer.
 */
export async function listingAnswer(deps: ListingDeps, request: ListingRequest): Promise<Readable> {
  const place = deps.listings.take(request.by);
  try {
    const body = await place.stream(jsonOf(deps, request), (err) => {
      if (!(err instanceof ClientGoneError)) deps.log.warn({ err }, "a listing of buckets was cut");
    });
    if (request.method === "GET") return body;
    body.destroy();
    return Readable.from([]);
  } catch (error) {
    place.free();
    throw error;
  }
}

/** UTF-16 code units that are gathered before they are sent; a bucket with 1 000 ids has 100 000. */
const PIECE_CHARS = 64 * 1024;

async function* jsonOf(deps: BucketsDeps, request: ListingRequest): AsyncGenerator<Uint8Array> {
  let text = `{"team_id":${JSON.stringify(request.by.teamId)},"buckets":[`;
  let separator = "";
  let next: string | null = null;
  for await (const { buckets, nextCursor } of bucketsOf(deps, request)) {
    next = nextCursor;
    for (const bucket of buckets) {
      text += separator + JSON.stringify(bucketToWire(bucket));
      separator = ",";
      if (text.length < PIECE_CHARS) continue;
      yield Buffer.from(text);
      text = "";
    }
  }
  const page = request.limit === null ? "" : `,"next_cursor":${JSON.stringify(next)}`;
  yield Buffer.from(`${text}]${page},"request_id":${JSON.stringify(request.requestId)}}`);
}
