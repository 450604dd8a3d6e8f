import type { Migration } from "../migration.ts";

/**
 * Agents (contract §16). A profile stays until its operator deletes it. A response stays for 30 days (`expires_at`), or
 * until its client deletes it: `answer` is what it said, with the passages that it was given; `quotes` says from which
 * files, so that it can be blanked when one of them is deleted.
 */
export const agents: Migration = {
  version: 8,
  name: "agents",
  statements: ({ integer, strict }) => [
    `CREATE TABLE agent_profiles (
      team_id text NOT NULL REFERENCES teams (id),
      profile_id text NOT NULL CHECK (length(profile_id) BETWEEN 1 AND 63),
      name text NOT NULL,
      bucket_ids text NOT NULL,
      instructions text NOT NULL,
      enabled ${integer} NOT NULL CHECK (enabled IN (0, 1)),
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      PRIMARY KEY (team_id, profile_id)
    )${strict}`,

    `CREATE TABLE responses (
      id text PRIMARY KEY NOT NULL,
      team_id text NOT NULL REFERENCES teams (id),
      conversation_id text NOT NULL CHECK (length(conversation_id) BETWEEN 1 AND 255),
      previous_id text,
      question text NOT NULL,
      answer text NOT NULL,
      created_at ${integer} NOT NULL,
      expires_at ${integer} NOT NULL
    )${strict}`,
    `CREATE INDEX responses_of_conversation ON responses (team_id, conversation_id, created_at, id)`,
    `CREATE INDEX responses_to_forget ON responses (expires_at)`,

    `CREATE TABLE response_quotes (
      file_id text NOT NULL,
      response_id text NOT NULL REFERENCES responses (id),
      PRIMARY KEY (file_id, response_id)
    )${strict}`,
    `CREATE INDEX response_quotes_by_response ON response_quotes (response_id)`,
  ],
};
