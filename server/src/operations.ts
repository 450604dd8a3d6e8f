import { dashboardOperations } from "./access/dashboard.store.ts";
import { accessOperations } from "./access/store.ts";
import { profileOperations } from "./agents/profiles.store.ts";
import { responseOperations } from "./agents/responses.store.ts";
import { backupOperations } from "./backup/store.ts";
import { bucketOperations } from "./buckets/store.ts";
import { type Operations, registryOf } from "./catalogue/registry.ts";
import { dashboardFigures } from "./dashboard/store.ts";
import { retentionOperations } from "./doctor/retention.store.ts";
import { rowOperations } from "./doctor/rows.store.ts";
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
import { listOperations as taskListOperations } from "./tasks/list.store.ts";
import { taskOperations } from "./tasks/store.ts";
import { createOperations } from "./uploads/create.store.ts";
import { finalizeOperations } from "./uploads/finalize.store.ts";
import { listOperations as sessionListOperations } from "./uploads/list-sessions.store.ts";
import { batchOperations } from "./uploads/read-batch.store.ts";
import { sessionOperations } from "./uploads/session.store.ts";
import { sweepOperations } from "./uploads/sweep.store.ts";
import { tryOperations } from "./uploads/try-create.store.ts";
import { uploadOperations } from "./uploads/upload-file.store.ts";

/**
 * The one registry of catalogue operations, name → operation: how an operation is found again on the other side of a
 * thread boundary. This file alone imports every store.
 */
export const OPERATIONS: Operations = registryOf([
  ...accessOperations,
  ...dashboardOperations,
  ...profileOperations,
  ...responseOperations,
  ...backupOperations,
  ...bucketOperations,
  ...fileOperations,
  ...originalOperations,
  ...doctorOperations,
  ...dashboardFigures,
  ...rowOperations,
  ...retentionOperations,
  ...taskOperations,
  ...taskListOperations,
  ...attemptOperations,
  ...taskEventOperations,
  ...indexingOperations,
  ...rebuildOperations,
  ...maintenanceOperations,
  ...metricsOperations,
  ...retrievalOperations,
  ...createOperations,
  ...batchOperations,
  ...tryOperations,
  ...uploadOperations,
  ...sessionOperations,
  ...sessionListOperations,
  ...finalizeOperations,
  ...sweepOperations,
]);
