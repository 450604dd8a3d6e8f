import type { Migration } from "../migration.ts";

/**
 * Signing in to the dashboard. A link is good once and for a minute, a session for hours; each row goes when it is
 * used up, ended or past its time, and says by the SHA-256 of its secret what it is: the secret is nowhere. A backup
 * holds neither.
 */
export const dashboard: Migration = {
  version: 10,
  name: "dashboard",
  statements: ({ integer, strict }) => [
    `CREATE TABLE dashboard_links (
      hash text PRIMARY KEY NOT NULL CHECK (length(hash) = 64),
      team_id text NOT NULL REFERENCES teams (id),
      scopes text NOT NULL,
      expires_at ${integer} NOT NULL
    )${strict}`,
    `CREATE INDEX dashboard_links_to_forget ON dashboard_links (expires_at)`,

    `CREATE TABLE dashboard_sessions (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      hash text NOT NULL UNIQUE CHECK (length(hash) = 64),
      scopes text NOT NULL,
      created_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL
    )${strict}`,
    `CREATE INDEX dashboard_sessions_by_team ON dashboard_sessions (team_id, created_at)`,
    `CREATE INDEX dashboard_sessions_to_forget ON dashboard_sessions (expires_at)`,
  ],
};
