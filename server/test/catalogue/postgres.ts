import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Schema } from "../../src/catalogue/schema.ts";
import { createIdSource } from "../../src/ids.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";
import { createPostgresEngine } from "./postgres-engine.ts";
import { createSchema } from "./postgres-schema.ts";
import { Standstill } from "./standstill.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";

/** Connections of the engine: how many transactions a test may have under way. */
const CONNECTIONS = 128;

let made = 0;

/** The catalogue in a new database of the cluster. */
export async function openPostgres(cluster: PostgresCluster, naive = false): Promise<CatalogueUnderTest> {
  made += 1;
  const database = `catalogue_${made}`;
  const beside = connect(cluster, "postgres", 1);
  await sql.raw(`CREATE DATABASE ${database}`).execute(beside);
  await beside.destroy();

  const db = connect(cluster, database, 4);
  await createSchema(db);
  let offset = 0;
  let standstill: Standstill | null = null;
  const now = () => Date.now() + offset;
  const catalogue = createPostgresEngine({
    db: connect(cluster, database, CONNECTIONS),
    clockOffset: () => offset,
    standstill: () => standstill,
    naive,
  });
  return {
    catalogue,
    db,
    ids: createIdSource({ now }),
    now,
    passMs(ms) {
      offset += ms;
    },
    async together<T>(...waves: readonly (readonly Call<T>[])[]) {
      const still = new Standstill(() => blockedBackends(db));
      standstill = still;
      const made: Promise<T>[] = [];
      for (const wave of waves) {
        made.push(...wave.map((call) => call()));
        await still.reached(made.length);
      }
      still.open();
      const settled = await Promise.allSettled(made);
      standstill = null;
      return settled;
    },
    async empty() {
      await sql`TRUNCATE ${sql.join(TABLES.map((table) => sql.table(table)))}`.execute(db);
    },
    async close() {
      await catalogue.close();
      await db.destroy();
    },
  };
}

/** Without the migrations' own. */
const TABLES = [
  "teams",
  "api_keys",
  "buckets",
  "upload_sessions",
  "idempotency_keys",
  "create_admissions",
  "files",
  "file_tags",
  "file_metadata",
  "file_buckets",
  "tasks",
] as const satisfies readonly (keyof Schema)[];

async function blockedBackends(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ blocked: number }>`
    SELECT count(*) AS blocked FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.blocked ?? 0;
}

function connect({ host, user }: PostgresCluster, database: string, max: number): Kysely<Schema> {
  const pool = new pg.Pool({ host, user, database, max, types: { getTypeParser } });
  // An idle connection whose server went away; the next query says so itself.
  pool.on("error", () => {});
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

const INT8 = 20;
const NUMERIC = 1700;

/**
 * PostgreSQL counts in int8 and sums int8 as numeric, and node-postgres hands both back as text, since they could be larger than a number can be
 * exact. Sizes, counts and times here are not.
 */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === INT8 || oid === NUMERIC ? Number : pg.types.getTypeParser(oid, format);
