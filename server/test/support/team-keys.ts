import { randomUUID } from "node:crypto";
import type { TestServer } from "./server.ts";

/** Keys of a server's first team, one a scope, and one of another team. */
export interface TeamKeys {
  /** All scopes. */
  readonly all: string;
  readonly write: string;
  readonly read: string;
  readonly search: string;
  readonly admin: string;
  /** The usual scopes, in a team of its own. */
  readonly foreign: string;
}

export async function mintTeamKeys(server: TestServer): Promise<TeamKeys> {
  const [write, read, search, admin, foreign] = await Promise.all([
    server.mintKey("default", "files:write"),
    server.mintKey("default", "files:read"),
    server.mintKey("default", "search"),
    server.mintKey("default", "admin"),
    server.mintKey(`foreign-${randomUUID().slice(0, 8)}`),
  ]);
  return { all: server.key, write, read, search, admin, foreign };
}
