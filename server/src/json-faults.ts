import { WharfError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** ALL-9, of a body whose values are there: depth, characters, numbers and names. Throws naming the field. */
export function refuseFaulty(body: unknown): void {
  const fault = faultOf(body);
  if (fault === null) return;
  throw new WharfError(fault.ofText && isFilename(fault.field) ? "invalid_filename" : "invalid_request", {
    message: `${fault.field === "" ? "The body" : fault.field} ${fault.say}.`,
    details: { field: fault.field },
  });
}

/**
 * "NUL and lone surrogates in `filename` are `invalid_filename`" (contract §12); inside metadata it is a name like
 * others.
 */
function isFilename(field: string): boolean {
  return /(?:^|\.)filename$/.test(field) && !/(?:^|\.)metadata\./.test(field);
}

interface Fault {
  readonly field: string;
  readonly say: string;
  /** Of the characters of a text: of a file name that is a fault of the name. */
  readonly ofText: boolean;
}

/** Walks with a stack of its own; `depth` counts containers, the outermost object is level 1. */
function faultOf(root: unknown): Fault | null {
  const waiting = [{ value: root, field: "", depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, field, depth } = next;
    const say = faultOfValue(value, depth);
    if (say !== null) return { field, say, ofText: typeof value === "string" };
    if (typeof value !== "object" || value === null) continue;
    for (const [key, member] of Object.entries(value)) {
      const path = field === "" ? key : `${field}.${key}`;
      const badKey = faultOfKey(key);
      if (badKey !== null) return { field, say: badKey, ofText: false };
      waiting.push({ value: member, field: path, depth: depth + 1 });
    }
  }
  return null;
}

function faultOfValue(value: unknown, depth: number): string | null {
  switch (typeof value) {
    case "string":
      return faultOfText(value);
    case "number":
      // It would be stored as another number than was sent.
      if (!Number.isFinite(value)) return "is a number beyond the double range; send a string";
      if (Number.isInteger(value) && !Number.isSafeInteger(value))
        return "is an integer beyond ±(2^53 − 1); send a string";
      return null;
    default:
      return value !== null && typeof value === "object" && depth > LIMITS.jsonDepth
        ? `is nested more than ${LIMITS.jsonDepth} levels deep`
        : null;
  }
}

function faultOfKey(key: string): string | null {
  if (key === "__proto__") return "must not have a member called __proto__";
  const fault = faultOfText(key);
  return fault === null ? null : `has a member whose name ${fault}`;
}

/** NUL cannot be stored in PostgreSQL's text; a lone surrogate becomes U+FFFD in UTF-8. */
function faultOfText(text: string): string | null {
  if (text.includes("\0")) return "contains a NUL character";
  return text.isWellFormed() ? null : "contains an unpaired surrogate";
}
