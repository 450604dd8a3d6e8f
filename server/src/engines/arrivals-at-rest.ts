import type { Arrivals } from "../uploads/arrivals.ts";
import { Segments, type SegmentsDeps } from "../uploads/embedded/segments.ts";

/** Of a folder whose bytes no server receives, as far as this process knows: for the command line. */
export function openArrivalsAtRest(deps: SegmentsDeps): Pick<Arrivals, "tidy"> {
  return new Segments(deps);
}
