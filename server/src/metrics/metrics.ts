/**
 * What the service counts, and the port that takes it. Adapters of other ports are wrapped once, above them
 * (metered.ts), so that no capability knows of metrics.
 *
 * - **counter**: only grows, from 0 at the start of the process.
 * - **histogram**: how many observations were at most so many seconds (or operations).
 * - **gauge**: a state, read when somebody asks (collect.ts).
 *
 * Labels are few and bounded: route patterns, status classes, states. Never a team, a file or anything that a
 * client sent.
 */
export interface Metrics {
  count(name: CounterName, labels?: Labels, by?: number): void;
  observe(name: HistogramName, value: number, labels?: Labels): void;
}

export type Labels = Readonly<Record<string, string>>;

/** For tests, and for parts that run without a server. */
export const NO_METRICS: Metrics = { count() {}, observe() {} };

export const COUNTERS = {
  wharf_sessions_created_total: "Upload sessions created; replays of an idempotency key are not counted.",
  wharf_sessions_ended_total: "Upload sessions that ended, by how.",
  wharf_connections_ended_total:
    "Connections that the server ended, by why: idle, incomplete (heads), refused (and still sending), reserve, peer and overloaded made room for others; pipelined and unread broke a limit.",
  wharf_upload_bytes_total: "Bytes that were taken from upload requests and written to the disk.",
  wharf_catalogue_operations_total: "Operations of the catalogue, by name and outcome (done, refused, failed).",
  wharf_tasks_total: "Runs of tasks, by type and how they ended (ended, fault of the file, trouble of the machine).",
  wharf_extraction_deaths_total: "Extraction children that died or were ended on a document, by cause.",
  wharf_places_refused_total:
    "Times that somebody found no place left (see wharf_places), by whose share was used up: everybody's, the team's or the key's.",
  wharf_maintenance_rounds_total: "Whole rounds of maintenance that this process began and ended, by chore.",
  wharf_maintenance_seconds_total: "Time that maintenance worked, by chore.",
  wharf_maintenance_looked_total: "Rows and stored objects that maintenance looked at, by chore.",
  wharf_maintenance_mended_total: "Of those, what maintenance put in order, by chore.",
  wharf_maintenance_failures_total: "Steps of maintenance that failed and are tried again, by chore.",
  wharf_mcp_calls_total:
    "Calls of tools by agents, by tool and outcome: done, refused (the caller can put it right), failed.",
  wharf_scrubbed_bytes_total: "Bytes of originals that the scrubber has compared with their digest.",
} as const;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export const HISTOGRAMS = {
  wharf_http_request_seconds: {
    say: "Time from a request's head to the end of its answer, by route and status class. Held polls count their wait.",
    bounds: SECONDS,
  },
  wharf_task_stage_seconds: {
    say: "Time that an indexing task spent in a stage: extracting, indexing, activating.",
    bounds: SECONDS,
  },
  wharf_commit_seconds: { say: "Time of one commit of the catalogue, its operations included.", bounds: SECONDS },
  wharf_commit_operations: {
    say: "Operations in one commit of the catalogue.",
    bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
} as const;

export type CounterName = keyof typeof COUNTERS;
export type HistogramName = keyof typeof HISTOGRAMS;

/** A state, as collect.ts reads it. */
export interface Gauge {
  readonly name: string;
  readonly say: string;
  readonly samples: readonly { readonly labels?: Labels; readonly value: number }[];
}
