import { LIMITS } from "../../limits.ts";
import { isExpired, type Session } from "../session.ts";
import { parseContentRange } from "./content-range.ts";

/**
 * The byte end-point's decisions, before a byte of the body is read: (session, head of the request, now) → what to do.
 * Pure; the order of checks is byte-endpoint §5, and the rows (P, K, Q, O, X, L) stand beside the lines that keep them.
 */
export interface RequestHead {
  readonly method: string;
  readonly contentRange: string | undefined;
  readonly contentEncoding: string | undefined;
  /** null = not declared: chunked, or no body at all. */
  readonly contentLength: number | null;
  readonly chunked: boolean;
}

export type Decision =
  /** Answer now; the body, if one comes, is not wanted. */
  | { readonly kind: "refuse"; readonly refusal: RefusalText }
  /** The object is complete: the request's bytes are not needed. */
  | { readonly kind: "complete" }
  /** A probe of what is not complete. */
  | { readonly kind: "progress" }
  // "bytes */N" with everything kept: finish the object.
  | { readonly kind: "finish" }
  | { readonly kind: "cancel" }
  | DataRequest;

export interface DataRequest {
  readonly kind: "data";
  /** Offset of the body's first byte. */
  readonly first: number;
  /** The body ends here, exclusive; more is surplus. */
  readonly end: number;
  /** The end of this body is the end of the object. */
  readonly final: boolean;
}

export interface RefusalText {
  readonly status: number;
  readonly text: string;
  readonly allow?: string;
}

export const REFUSALS = {
  notFound: { status: 404, text: "Not Found" },
  expired: { status: 410, text: "The upload session has expired. Create a new upload session." },
  cancelled: { status: 499, text: "" },
  completed: { status: 405, text: "The upload is complete and cannot be cancelled.", allow: "PUT, POST, OPTIONS" },
  method: { status: 405, text: "Upload the bytes with PUT.", allow: "PUT, POST, DELETE, OPTIONS" },
  encoding: { status: 415, text: "Content-Encoding is not supported here: send the bytes as they are." },
  unparsable: { status: 400, text: "Failed to parse Content-Range header." },
} as const satisfies Record<string, RefusalText>;

export function decide(session: Session, head: RequestHead, now: number): Decision {
  const ended = decideByState(session, head, now);
  if (ended !== null) return ended;
  if (head.contentEncoding !== undefined && head.contentEncoding.toLowerCase() !== "identity")
    return refuse(REFUSALS.encoding); // P25
  const range = parseContentRange(head.contentRange);
  if (range === null) return refuse(REFUSALS.unparsable); // X1 … X3
  const bodyLength = head.contentLength ?? (head.chunked ? null : 0);
  if (range.kind === "probe") return decideProbe(session, range.total, bodyLength);

  const { sizeBytes } = session;
  const first = range.kind === "whole" ? 0 : range.first;
  const last = range.kind === "whole" ? null : range.last;
  const total = range.kind === "whole" ? null : range.total;
  if (total !== null && total !== sizeBytes)
    return refuse400(
      `Invalid request.  The upload was created for ${sizeBytes} byte(s), but the Content-Range header says ${total}.`,
    ); // O10, O12
  if (last !== null && last >= sizeBytes)
    return refuse400(
      `Invalid request.  The upload was created for ${sizeBytes} byte(s), but this part ends at byte ${last}.`,
    ); // O13
  // O14, O15, O17; an open range and a whole body end where the object ends (P15 … P20, O11)
  const length = (last ?? sizeBytes - 1) - first + 1;
  if (bodyLength !== null && bodyLength !== length)
    return refuse400(
      range.kind === "whole" ? wrongSize(bodyLength, sizeBytes) : wrongLength(bodyLength, first, first + length - 1),
    );
  const reachesEnd = first + length === sizeBytes;
  if (!reachesEnd && length < LIMITS.uploadUnitBytes) return refuse400(tooSmall(length)); // K11
  if (first > session.receivedBytes) return refuse(beyondKept(first, session.receivedBytes)); // O1 … O4
  // K4: "a-b/*" that reaches the declared size keeps everything, and the object ends with the next request.
  return { kind: "data", first, end: first + length, final: last === null || (total !== null && reachesEnd) };
}

/** S5, L1 … L17, PUT-10, PUT-12, PUT-13, PUT-18: what the session's state alone decides. */
function decideByState(session: Session, head: RequestHead, now: number): Decision | null {
  const isData = head.method === "PUT" || head.method === "POST"; // K15
  if (!isData && head.method !== "DELETE") return refuse(REFUSALS.method); // S5, X7
  if (session.state === "cancelled") return refuse(REFUSALS.cancelled);
  if (isExpired(session, now)) return refuse(REFUSALS.expired);
  if (session.state === "received" || session.state === "finalized")
    return isData ? { kind: "complete" } : refuse(REFUSALS.completed);
  return isData ? null : { kind: "cancel" };
}

/** Q1 … Q8, K3. A wrong total is no success, and no error either: the Range says what is kept. */
function decideProbe(session: Session, total: number | null, bodyLength: number | null): Decision {
  if (bodyLength !== null && bodyLength > 0) return refuse(bodyOfProbe(String(bodyLength)));
  const complete = total === session.sizeBytes && session.receivedBytes === session.sizeBytes;
  return complete ? { kind: "finish" } : { kind: "progress" };
}

/** `bytes`: how many, as a word or a number. */
export function bodyOfProbe(bytes: string): RefusalText {
  return {
    status: 400,
    text: `Invalid request.  There were ${bytes} byte(s) in the request body.  There should have been 0 byte(s) with this Content-Range header.`,
  };
}

export function wrongLength(got: number, first: number, last: number): string {
  return `Invalid request.  There were ${got} byte(s) in the request body.  There should have been ${last - first + 1} byte(s) (starting at offset ${first} and ending at offset ${last}) according to the Content-Range header.`;
}

/** A body without a Content-Range is the whole object. */
export function wrongSize(got: number, sizeBytes: number): string {
  return `Invalid request.  There were ${got} byte(s) in the request body.  There should have been ${sizeBytes} byte(s), the size that the upload was created for.  Send all of them, or a part with a Content-Range header.`;
}

function tooSmall(length: number): string {
  return `Invalid request.  The number of bytes uploaded is required to be equal or greater than ${LIMITS.uploadUnitBytes}, except for the final request (it's recommended to be the exact multiple of ${LIMITS.uploadUnitBytes}).  The received request contained ${length} bytes, which does not meet this requirement.`;
}

/** 503, not 416: every client of Google's queries the offset and goes on (PUT-6). */
export function beyondKept(offset: number, kept: number): RefusalText {
  return {
    status: 503,
    text: `Invalid request.  According to the Content-Range header, the upload offset is ${offset} byte(s), which exceeds already uploaded size of ${kept} byte(s).`,
  };
}

function refuse(refusal: RefusalText): Decision {
  return { kind: "refuse", refusal };
}

function refuse400(text: string): Decision {
  return refuse({ status: 400, text });
}
