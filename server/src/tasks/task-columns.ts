import type { TaskDecision, TaskReport } from "./task.ts";

/** A decision, as its columns. */
export function decisionColumns({ state, dueAt, lane, faults, deaths, troubles, leaseLosses, crashes }: TaskDecision) {
  return { state, due_at: dueAt, lane, faults, deaths, troubles, lease_losses: leaseLosses, crashes };
}

/** How far a task is, as its columns. */
export function progressColumns({ stage, progress }: TaskReport) {
  return {
    stage,
    progress_done: progress?.done ?? 0,
    progress_total: progress?.total ?? null,
    progress_unit: progress?.unit ?? null,
  };
}

/** Of a task that nobody works on. */
export const NOWHERE: TaskReport = { stage: "waiting", progress: null };
