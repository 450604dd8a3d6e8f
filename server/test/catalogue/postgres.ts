import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import type { Schema } from "../../src/catalogue/schema.ts";
import { createIdSource } from "../../src/ids.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";
import { createPostgresEngine } from "./postgres-engine.ts";
import { createSchema } from "./postgres-schema.ts";
import { Standstill } from "./standstill.ts";
import type { Call, CatalogueUnderTest } from "./under-test.ts";

/** Connections of the engine: how many transactions a test may have under way. */
const CONNECTIONS = 128;

/** What its connections are called, to tell them from the tests' own. */
const ENGINE = "engine";

let made = 0;

export interface PostgresUnderTest extends CatalogueUnderTest {
  /**
   * Another process on the same database, which `together` holds up in nothing. What waits for a lock there fails after
   * `LOCK_TIMEOUT`.
   */
  readonly beside: Catalogue;
}

const LOCK_TIMEOUT = "10s";

/** The catalogue in a new database of the cluster. */
export async function openPostgres(cluster: PostgresCluster, naive = false): Promise<PostgresUnderTest> {
  made += 1;
  const database = `catalogue_${made}`;
  const maintenance = connect(cluster, "postgres", 1);
  await sql.raw(`CREATE DATABASE ${database}`).execute(maintenance);
  await maintenance.destroy();

  const db = connect(cluster, database, 4);
  await createSchema(db);
  const named = await sql<{
    name: string;
  }>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`.execute(db);
  const tables = named.rows.map((row) => row.name).sort();
  let offset = 0;
  let standstill: Standstill | null = null;
  let held: number | null = null;
  const now = () => held ?? Date.now() + offset;
  const catalogue = createPostgresEngine({
    db: connect(cluster, database, CONNECTIONS, ENGINE),
    clockOffset: () => offset,
    heldAt: () => held,
    standstill: () => standstill,
    naive,
  });
  const besideDb = connect(cluster, database, 4, "beside", `-c lock_timeout=${LOCK_TIMEOUT}`);
  const beside = createPostgresEngine({
    db: besideDb,
    clockOffset: () => offset,
    heldAt: () => held,
    standstill: () => null,
    naive,
  });
  const together = async <T>(waves: readonly (readonly Call<T>[])[], then?: () => void | Promise<void>) => {
    const still = new Standstill(() => blockedBackends(db));
    standstill = still;
    const made: Promise<PromiseSettledResult<T>>[] = [];
    try {
      for (const wave of waves) {
        made.push(...wave.map((call) => outcomeOf(call())));
        await still.reached(made.length);
      }
      await then?.();
    } finally {
      still.open();
      await Promise.all(made);
      standstill = null;
    }
    return Promise.all(made);
  };
  return {
    catalogue,
    beside,
    db,
    ids: createIdSource({ now }),
    tables,
    now,
    passMs(ms) {
      offset += ms;
      if (held !== null) held += ms;
    },
    holdClock() {
      held = now();
    },
    together,
    /** The server ends every connection whose transaction is about to commit or waits for its turn. */
    failing(calls) {
      return together([calls], async () => {
        await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = ${ENGINE}`.execute(db);
      });
    },
    async empty() {
      held = null;
      await sql`TRUNCATE ${sql.join(tables.map((table) => sql.table(table)))}`.execute(db);
    },
    async close() {
      await Promise.all([catalogue.close(), beside.close()]);
      await db.destroy();
    },
  };
}

/** What became of it, also when it fails before anybody waits for it. */
async function outcomeOf<T>(call: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([call]);
  return outcome;
}

async function blockedBackends(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ blocked: number }>`
    SELECT count(*) AS blocked FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db);
  return rows[0]?.blocked ?? 0;
}

function connect(
  { host, user }: PostgresCluster,
  database: string,
  max: number,
  name = "tests",
  options = "",
): Kysely<Schema> {
  const pool = new pg.Pool({ host, user, database, max, application_name: name, options, types: { getTypeParser } });
  // A connection that the server has ended: the query that is under way, or the next one, says so itself.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

const INT8 = 20;
const NUMERIC = 1700;

/**
 * PostgreSQL counts in int8 and sums int8 as numeric, and node-postgres hands both back as text, since they could be
 * larger than a number can be exact. Sizes, counts and times here are not.
 */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === INT8 || oid === NUMERIC ? Number : pg.types.getTypeParser(oid, format);
