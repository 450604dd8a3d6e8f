import { createHash } from "node:crypto";
import { WharfError } from "./errors.ts";
import { type Id, type IdPrefix, parseId, type TeamId } from "./ids.ts";

/**
 * Cursors of lists that go by ids. Opaque to clients: the last id of a page, sealed with a digest over list, team and
 * filter, so that a cursor of another list, or of another team, is refused instead of showing a wrong page. No secret:
 * whoever forges one only chooses a place in a list of their own.
 */
export interface ListOf {
  /** What is listed, and by which filter. */
  readonly list: string;
  readonly teamId: TeamId;
}

export function cursorAt({ list, teamId }: ListOf, id: string): string {
  const seal = createHash("sha256")
    .update(JSON.stringify([list, teamId, id]))
    .digest("base64url")
    .slice(0, 16);
  return Buffer.from(`${id}.${seal}`, "utf8").toString("base64url");
}

/** Throws `invalid_request`. */
export function readCursor<P extends IdPrefix>(of: ListOf, prefix: P, cursor: string): Id<P> {
  const [text = ""] = Buffer.from(cursor, "base64url").toString("utf8").split(".");
  const id = parseId(prefix, text);
  if (id !== null && cursorAt(of, id) === cursor) return id;
  const message = "cursor is not one of this list: use next_cursor as it came, with the same filter.";
  throw new WharfError("invalid_request", { message, details: { field: "cursor" } });
}
