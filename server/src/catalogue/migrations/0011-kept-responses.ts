import type { Migration } from "../migration.ts";

/**
 * How much each team's kept answers are together, so that one team cannot fill the disk with them (agents/limits.ts):
 * `bytes` of question and answer, and their sum in a row of the team's own, since who moves it must hold up nobody's
 * uploads. The index gives the oldest ones, and the sum, without their texts.
 */
export const keptResponses: Migration = {
  version: 11,
  name: "kept responses",
  statements: ({ integer, strict }) => [
    `ALTER TABLE responses ADD COLUMN bytes ${integer} NOT NULL DEFAULT 0 CHECK (bytes >= 0)`,
    `UPDATE responses SET bytes = octet_length(question) + octet_length(answer)`,
    `CREATE INDEX responses_of_team ON responses (team_id, created_at, id, bytes)`,
    `CREATE TABLE response_totals (
      team_id text PRIMARY KEY NOT NULL REFERENCES teams (id),
      bytes ${integer} NOT NULL CHECK (bytes >= 0)
    )${strict}`,
    `INSERT INTO response_totals (team_id, bytes) SELECT team_id, sum(bytes) FROM responses GROUP BY team_id`,
  ],
};
