import { accessOperations } from "./access/store.ts";
import { backupOperations } from "./backup/store.ts";
import { bucketOperations } from "./buckets/store.ts";
import type { Operation, Tx } from "./catalogue/catalogue.ts";
import { doctorOperations } from "./doctor/store.ts";
import { originalOperations } from "./files/originals.store.ts";
import { fileOperations } from "./files/store.ts";
import { taskEventOperations } from "./files/task-events.store.ts";
import { rebuildOperations } from "./indexing/rebuild.store.ts";
import { indexingOperations } from "./indexing/store.ts";
import { maintenanceOperations } from "./maintenance/position.store.ts";
import { metricsOperations } from "./metrics/store.ts";
import { retrievalOperations } from "./retrieval/store.ts";
import { attemptOperations } from "./tasks/attempt.store.ts";
import { taskOperations } from "./tasks/store.ts";
import { createOperations } from "./uploads/create.store.ts";
import { finalizeOperations } from "./uploads/finalize.store.ts";
import { sessionOperations } from "./uploads/session.store.ts";
import { sweepOperations } from "./uploads/sweep.store.ts";

/**
 * The one registry of catalogue operations, name → operation: how an operation is found again on the other side of a thread
 * boundary. This file alone imports every store.
 */
export const OPERATIONS: ReadonlyMap<string, AnyOperation> = index([
  ...accessOperations,
  ...backupOperations,
  ...bucketOperations,
  ...fileOperations,
  ...originalOperations,
  ...doctorOperations,
  ...taskOperations,
  ...attemptOperations,
  ...taskEventOperations,
  ...indexingOperations,
  ...rebuildOperations,
  ...maintenanceOperations,
  ...metricsOperations,
  ...retrievalOperations,
  ...createOperations,
  ...sessionOperations,
  ...finalizeOperations,
  ...sweepOperations,
]);

/** What a thread needs of an operation. The registered ones differ in their types. */
type AnyOperation = Pick<Operation<never, unknown>, "name" | "readOnly" | "run">;

export interface RunnableOperation {
  readonly name: string;
  readonly readOnly: boolean;
  run(tx: Tx, input: unknown): Promise<unknown>;
}

export function operationNamed(name: string): RunnableOperation | undefined {
  const operation = OPERATIONS.get(name);
  // Name and input crossed together, from one call with one typed operation: the input is of its type.
  return operation as RunnableOperation | undefined;
}

function index(operations: readonly AnyOperation[]): ReadonlyMap<string, AnyOperation> {
  const byName = new Map<string, AnyOperation>();
  for (const operation of operations) {
    if (byName.has(operation.name)) throw new Error(`two operations are called ${operation.name}`);
    byName.set(operation.name, operation);
  }
  return byName;
}
