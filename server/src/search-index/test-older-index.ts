import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../sqlite/open-database.ts";
import { readText } from "./analyze.ts";
import { tagAsSent } from "./hints.ts";

/**
 * The file as version 0.1 left it: tokens of the first analyser, tags as they were sent, no table of what is
 * outdated.
 */
export function toFirstFormat(path: string): void {
  const database = openDatabase(path);
  database.exec("DROP TABLE uncounted; DROP TABLE analysis; DROP TABLE lengths; PRAGMA user_version = 1");
  readAs(database, 1);
  database.close();
}

export function toSecondAnalyser(path: string): void {
  toAnalyser(2, path);
}

/** The file as the analyser before this one left it. */
export function toThirdAnalyser(path: string): void {
  toAnalyser(3, path);
}

function toAnalyser(version: 2 | 3, path: string): void {
  const database = openDatabase(path);
  database.exec(`PRAGMA user_version = ${version + 2}`);
  readAs(database, version);
  database.close();
}

function readAs(database: DatabaseSync, version: 1 | 2 | 3): void {
  const older = (text: string) =>
    readText(text, version)
      .words.map(({ term }) => term)
      .join(" ");
  database.exec("DELETE FROM terms; UPDATE totals SET tokens = 0");
  for (const row of database
    .prepare("SELECT chunks.id, text, hints FROM chunks JOIN words ON words.rowid = chunks.id")
    .all()) {
    const hints = String(row["hints"]).replace(/tag_\w+/, tagAsSent("Gro\u0308ße"));
    const fields = ["list", older(String(row["text"])), hints];
    database
      .prepare("UPDATE words SET title = ?, body = ?, hints = ? WHERE rowid = ?")
      .run(...fields, Number(row["id"]));
    const tokens = fields.flatMap((field) => field.split(" "));
    database.prepare("UPDATE totals SET tokens = tokens + ?").run(tokens.length);
    for (const term of new Set(tokens))
      database
        .prepare("INSERT INTO terms VALUES (?, 1) ON CONFLICT (term) DO UPDATE SET chunks = chunks + 1")
        .run(term);
  }
}
