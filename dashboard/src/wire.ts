import { isObject, type Json, listOf, numberOf, objectOf, objectsOf, textOf, textsOf } from "./json.ts";

/** What the API answers (docs/contract.md), as the page uses it. */

export interface FileError {
  readonly code: string;
  readonly message: string;
}

export interface WatchedTask {
  readonly id: string;
  readonly status: string;
  readonly stage: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly queuePosition: number | null;
  readonly progress: { readonly done: number; readonly total: number | null; readonly unit: string } | null;
  readonly error: FileError | null;
  /** Empty while it has not ended. */
  readonly finishedAt: string;
}

export interface WatchedFile {
  readonly id: string;
  readonly status: string;
  readonly title: string;
  readonly filename: string;
  readonly contentType: string;
  readonly detectedType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly pages: number | null;
  readonly tags: readonly string[];
  readonly buckets: readonly { readonly id: string; readonly slug: string }[];
  readonly detail: string;
  readonly error: FileError | null;
  readonly warnings: readonly FileError[];
  readonly task: WatchedTask;
  readonly sessionId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function fileOf(json: Json): WatchedFile {
  return {
    id: textOf(json, "id"),
    status: textOf(json, "status"),
    title: textOf(json, "title"),
    filename: textOf(json, "filename"),
    contentType: textOf(json, "content_type"),
    detectedType: textOf(json, "detected_content_type"),
    sizeBytes: numberOf(json, "size_bytes") ?? 0,
    sha256: textOf(json, "sha256"),
    pages: numberOf(json, "pages"),
    tags: textsOf(json, "tags"),
    buckets: Object.entries(objectOf(json["bucketSync"])).map(([id, of]) => ({
      id,
      slug: textOf(objectOf(of), "slug"),
    })),
    detail: textOf(json, "status_detail"),
    error: errorOf(json["error"]),
    warnings: objectsOf(json, "warnings").flatMap((warning) => errorOf(warning) ?? []),
    task: taskOf(objectOf(json["task"])),
    sessionId: textOf(objectOf(json["source"]), "session_id"),
    createdAt: textOf(json, "created_at"),
    updatedAt: textOf(json, "updated_at"),
  };
}

function taskOf(json: Json): WatchedTask {
  const progress = json["progress"];
  return {
    id: textOf(json, "id"),
    status: textOf(json, "status"),
    stage: textOf(json, "stage"),
    attempt: numberOf(json, "attempt") ?? 0,
    maxAttempts: numberOf(json, "max_attempts") ?? 0,
    queuePosition: numberOf(json, "queue_position"),
    progress: isObject(progress)
      ? { done: numberOf(progress, "done") ?? 0, total: numberOf(progress, "total"), unit: textOf(progress, "unit") }
      : null,
    error: errorOf(json["error"]),
    finishedAt: textOf(json, "finished_at"),
  };
}

function errorOf(value: unknown): FileError | null {
  return isObject(value) ? { code: textOf(value, "code"), message: textOf(value, "message") } : null;
}

/** Nothing of it will change by itself. */
export function isSettled({ status, task }: WatchedFile): boolean {
  return status === "deleted" || (task.status !== "queued" && task.status !== "indexing");
}

export interface OpenSession {
  readonly id: string;
  readonly status: string;
  readonly receivedBytes: number;
  readonly sizeBytes: number;
  readonly filename: string;
  readonly expiresAt: string;
}

export function sessionOf(json: Json): OpenSession {
  return {
    id: textOf(json, "session_id"),
    status: textOf(json, "status"),
    receivedBytes: numberOf(json, "received_bytes") ?? 0,
    sizeBytes: numberOf(json, "size_bytes") ?? 0,
    filename: textOf(json, "filename"),
    expiresAt: textOf(json, "expires_at"),
  };
}

export interface Bucket {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly isArchived: boolean;
  readonly files: number;
  readonly findable: number;
  readonly pending: number;
}

export function bucketOf(json: Json): Bucket {
  return {
    id: textOf(json, "id"),
    slug: textOf(json, "slug"),
    name: textOf(json, "name"),
    description: textOf(json, "description"),
    isArchived: textOf(json, "status") === "archived",
    files: numberOf(json, "fileCount") ?? 0,
    findable: numberOf(json, "retrievableFileCount") ?? 0,
    pending: numberOf(objectOf(json["bucketStore"]), "pending_file_count") ?? 0,
  };
}

/** A range of one page's text. */
export interface Place {
  readonly fileId: string;
  readonly filename: string;
  readonly page: number;
  readonly start: number;
  readonly end: number;
}

export interface Passage extends Place {
  readonly title: string;
  readonly text: string;
  readonly highlights: readonly (readonly [start: number, end: number])[];
  readonly buckets: readonly string[];
  readonly duplicates: number;
}

export function passageOf(json: Json): Passage {
  return {
    ...placeOf(json),
    title: textOf(json, "title"),
    text: textOf(json, "text"),
    highlights: listOf(json, "highlights").flatMap((range) => {
      const [start, end]: readonly unknown[] = Array.isArray(range) ? range : [];
      return typeof start === "number" && typeof end === "number" ? [[start, end] as const] : [];
    }),
    buckets: objectsOf(json, "buckets").map((bucket) => textOf(bucket, "slug")),
    duplicates: listOf(json, "duplicates").length,
  };
}

function placeOf(json: Json): Place {
  return {
    fileId: textOf(json, "file_id"),
    filename: textOf(json, "filename"),
    page: numberOf(json, "page") ?? 1,
    start: numberOf(json, "char_start") ?? 0,
    end: numberOf(json, "char_end") ?? 0,
  };
}

export interface Answer {
  readonly text: string;
  /** The n-th source is what `[n]` in the text cites. */
  readonly sources: readonly (Place & { readonly label: string })[];
}

export function answerOf(json: Json): Answer {
  const message = objectsOf(json, "output").find((item) => item["type"] === "message") ?? {};
  const content = objectOf(listOf(message, "content")[0]);
  const sources = new Map<string, Place & { readonly label: string }>();
  const text = textOf(content, "text");
  for (const annotation of objectsOf(content, "annotations")) {
    const at = numberOf(annotation, "index") ?? 0;
    const label = labelAt(text, at);
    if (label !== null && !sources.has(label)) sources.set(label, { ...placeOf(annotation), label });
  }
  return { text, sources: [...sources.values()].sort((one, two) => Number(one.label) - Number(two.label)) };
}

/** The number of the `[n]` that an annotation points to. */
function labelAt(text: string, at: number): string | null {
  return /^\[(\d{1,3})\]/.exec(text.slice(at, at + 5))?.[1] ?? null;
}
