import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";

/**
 * The least that answers from a database: `bare-server.mjs <file> <port>`. Plain JavaScript, so that no types
 * are stripped.
 */
const [file, port] = process.argv.slice(2);
const database = new DatabaseSync(file);
database.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (a INTEGER)");
createServer((_request, response) =>
  response.end(JSON.stringify(database.prepare("SELECT count(*) FROM t").get())),
).listen(Number(port), "127.0.0.1");
