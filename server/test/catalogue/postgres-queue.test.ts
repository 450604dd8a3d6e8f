import { after, before } from "node:test";
import { type Tx, writeOperation } from "../../src/catalogue/catalogue.ts";
import { NO_LOCKS } from "../../src/catalogue/locks.ts";
import { describeCrashes } from "../../src/tasks/crash.conformance.ts";
import { describeTaskQueue } from "../../src/tasks/queue.conformance.ts";
import { type QueueUnderTest, queueOver } from "../../src/tasks/test-catalogue.ts";
import { openPostgres } from "./postgres.ts";
import { lacksPostgres, type PostgresCluster, startPostgres } from "./postgres-cluster.ts";

const skip = lacksPostgres() ?? false;
let cluster: PostgresCluster;

before(async () => {
  if (skip === false) cluster = await startPostgres();
});
after(() => cluster?.close());

describeTaskQueue("PostgreSQL", open, skip);
describeCrashes("PostgreSQL", open, skip);

async function open(): Promise<QueueUnderTest> {
  const on = await openPostgres(cluster);
  return queueOver({
    ...on,
    inTransaction: <T>(work: (tx: Tx) => Promise<T>) =>
      on.catalogue.run(
        writeOperation("test.parts", NO_LOCKS, (tx) => work(tx)),
        null,
      ),
  });
}
