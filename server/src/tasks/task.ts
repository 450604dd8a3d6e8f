import type { ProgressUnit, TaskLane, TaskStage, TaskState, TaskType } from "../catalogue/schema.ts";
import type { FileErrorCode } from "../errors.ts";
import { LIMITS } from "../limits.ts";

/**
 * The indexing task: what makes one version of a file findable, and what removes a deleted file's bytes.
 *
 * - **claim**: a worker takes a due task and holds it under a lease, which its heartbeats renew.
 * - **attempt**: counts claims. It is the fence: a write of an older attempt changes nothing.
 * - **fault**: what the *file* did (the extractor's typed error, its limits, the death of its child).
 *   Faults end a task.
 * - **trouble**: what the *machine* did (storage, catalogue, index, spawn). Troubles back a task off, and
 *   never fail it.
 * - **lost lease**: the worker died, hung or was stopped, in a server that lives. Neither a fault nor a trouble.
 * - **crash**: the server itself ended while it held the task. From the third in a row on the task is *suspect*: it may
 *   be what ends the server. It waits an hour before each further try, and no two suspects are tried at once, so that
 *   those that merely ran beside the culprit are cleared by their own success.
 * - **lane**: a document that had a fault, or takes long, runs beside the others, so that they need not wait for it.
 *
 * `docs/state-machines/task.md` draws the table below; decisions are functions of (task, event, now).
 */
export const TASK_STATES = [
  "queued",
  "running",
  "succeeded",
  "failed",
  "cancelled",
] as const satisfies readonly TaskState[];

export const TASK_EVENTS = [
  "claim",
  "heartbeat",
  "succeed",
  "fault",
  "trouble",
  "loseLease",
  "crash",
  "release",
  "cancel",
  "retry",
] as const;
export type TaskEvent = (typeof TASK_EVENTS)[number];

/**
 * The states that the event may lead to. `stale`: a worker speaks of a task that it no longer holds, or the task is not
 * there to be claimed; nothing is written. `conflict`: a client may not do that now (409).
 */
export type TaskCell = readonly TaskState[] | "stale" | "conflict";

export const NEXT: Record<TaskState, Record<TaskEvent, TaskCell>> = {
  queued: {
    claim: ["running"],
    heartbeat: "stale",
    succeed: "stale",
    fault: "stale",
    trouble: "stale",
    loseLease: "stale",
    crash: "stale",
    release: "stale",
    cancel: ["cancelled"],
    retry: "conflict",
  },
  running: {
    claim: "stale",
    heartbeat: ["running"],
    succeed: ["succeeded"],
    fault: ["queued", "failed"],
    trouble: ["queued"],
    loseLease: ["queued"],
    crash: ["queued"],
    release: ["queued"],
    cancel: ["cancelled"],
    retry: "conflict",
  },
  succeeded: ended({ cancel: "conflict", retry: "conflict" }),
  failed: ended({ cancel: "conflict", retry: ["queued"] }),
  cancelled: ended({ cancel: ["cancelled"], retry: ["queued"] }),
};

function ended(client: Record<"cancel" | "retry", TaskCell>): Record<TaskEvent, TaskCell> {
  return {
    claim: "stale",
    heartbeat: "stale",
    succeed: "stale",
    fault: "stale",
    trouble: "stale",
    loseLease: "stale",
    crash: "stale",
    release: "stale",
    ...client,
  };
}

/** What decisions are made from. */
export interface TaskFigures {
  readonly type: TaskType;
  readonly lane: TaskLane;
  readonly faults: number;
  readonly deaths: number;
  readonly troubles: number;
  readonly leaseLosses: number;
  readonly crashes: number;
}

/** What becomes of a task that a worker let go. */
export interface TaskDecision extends Omit<TaskFigures, "type"> {
  readonly state: "queued" | "failed";
  /** When it may be claimed again, epoch milliseconds; null = at once. */
  readonly dueAt: number | null;
}

export interface Fault {
  readonly code: FileErrorCode;
  /** For the client: what is wrong, where, and what to do. */
  readonly message: string;
  /** The same bytes give the same answer: another try is pointless. */
  readonly permanent: boolean;
  /** The child died or ran out of time. */
  readonly death: boolean;
}

export interface TaskProgress {
  readonly done: number;
  readonly total: number | null;
  readonly unit: ProgressUnit;
}

/** Where a worker is with its task. */
export interface TaskReport {
  readonly stage: TaskStage;
  readonly progress: TaskProgress | null;
}

/** Which part of the machine was in trouble, and what the client reads meanwhile in `error`. */
export const TROUBLES = {
  storage: "Storage does not answer right now. The task is tried again by itself.",
  catalogue: "The database does not answer right now. The task is tried again by itself.",
  index: "The search index does not answer right now. The task is tried again by itself.",
  extractor: "Reading could not be started right now. The task is tried again by itself.",
  busy: "An earlier task of this file is still ending. The task is tried again by itself.",
  slow: "The server took too long to store the text. The task is tried again by itself.",
} as const satisfies Record<string, string>;
export type Trouble = keyof typeof TROUBLES;

/**
 * The fifth fault, the second death, or a permanent one, fails the task; before that it waits and runs in
 * the slow lane.
 */
export function afterFault(task: TaskFigures, fault: Pick<Fault, "permanent" | "death">, now: number): TaskDecision {
  const faults = task.faults + 1;
  const deaths = task.deaths + (fault.death ? 1 : 0);
  const final = fault.permanent || deaths >= LIMITS.maxDeaths || faults >= LIMITS.maxFaults;
  return {
    state: final ? "failed" : "queued",
    dueAt: final ? null : now + backoffMs(faults),
    lane: "slow",
    faults,
    deaths,
    troubles: 0,
    leaseLosses: task.leaseLosses,
    crashes: 0,
  };
}

/** 1, 4, 16, 60 s, then every minute, for ever. */
export function afterTrouble(task: TaskFigures, now: number): TaskDecision {
  const troubles = task.troubles + 1;
  return { ...keep(task), state: "queued", dueAt: now + backoffMs(troubles), troubles };
}

/**
 * At once; from the 20th on a minute later, so that a document that holds up its worker leaves room for
 * everybody else's.
 */
export function afterLostLease(task: TaskFigures, now: number): TaskDecision {
  const leaseLosses = task.leaseLosses + 1;
  const dueAt = leaseLosses >= LIMITS.leaseLossesBeforeBackoff ? now + LONGEST_BACKOFF_MS : null;
  return { ...keep(task), state: "queued", dueAt, leaseLosses };
}

/**
 * At once; from the third in a row on an hour later. Whatever it is that ends the server then does so once an hour, and
 * everybody else's tasks run in between. A removal reads no document, and goes on at once.
 */
export function afterCrash(task: TaskFigures, now: number): TaskDecision {
  const crashes = task.type === "remove" ? 0 : task.crashes + 1;
  return { ...keep(task), state: "queued", dueAt: isSuspect(crashes) ? now + LIMITS.crashWaitMs : null, crashes };
}

export function isSuspect(crashes: number): boolean {
  return crashes >= LIMITS.crashesBeforeWait;
}

/** What the client of a suspect reads in `error`. */
export const SUSPECT_NOTE: string =
  `The server ended ${LIMITS.crashesBeforeWait} times or more while it read this file. It is tried again an hour after the last ` +
  "time, one such file at a time. If the server ended for another reason, cancel the task and retry it; else delete the file.";

/**
 * A worker that stops in order, or finds a document too long for its lane, gives the task back at once. Nothing
 * is counted; and the server that stops in order has survived the task, while one that lines up in another lane
 * has yet to be.
 */
export function afterRelease(task: TaskFigures, lane: TaskLane): TaskDecision {
  const crashes = lane === task.lane ? 0 : task.crashes;
  return { ...keep(task), lane, state: "queued", dueAt: null, crashes };
}

/** A client's retry begins anew: every count but `attempt` is 0 (`attempt` is the fence, and must never come back). */
export function afterRetry(): TaskDecision {
  return { state: "queued", dueAt: null, lane: "fast", faults: 0, deaths: 0, troubles: 0, leaseLosses: 0, crashes: 0 };
}

/** The server has survived the attempt, unless the caller says otherwise. */
function keep({ lane, faults, deaths, troubles, leaseLosses }: TaskFigures): Omit<TaskFigures, "type"> {
  return { lane, faults, deaths, troubles, leaseLosses, crashes: 0 };
}

/** The wait after the `times`-th fault or trouble in a row. */
export function backoffMs(times: number): number {
  return LIMITS.machineBackoffMs[Math.min(times, LIMITS.machineBackoffMs.length) - 1] ?? 0;
}

/**
 * No back-off but a suspect's is longer. One that ends later than this from now was written before the clock went back:
 * it counts as over.
 */
export const LONGEST_BACKOFF_MS: number = Math.max(...LIMITS.machineBackoffMs);
