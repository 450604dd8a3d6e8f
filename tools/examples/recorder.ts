import type { RecordedExample } from "../../server/src/http/openapi-examples.ts";

export interface Sent {
  readonly body?: unknown;
  /** Instead of a body: no JSON, and so no example. */
  readonly form?: FormData;
  /** Waits for it to come, instead of recording what came first. */
  readonly until?: (answer: Readonly<Record<string, unknown>>) => boolean;
}

/** Asks a server, and keeps the first exchange of each operation and status. */
export class Recorder {
  readonly #base: string;
  readonly #key: string;
  readonly #kept = new Map<string, { request?: unknown; responses: Record<string, unknown> }>();

  constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  /** The answer's members. Throws when the operation refuses: an example is of what goes well. */
  async call(operationId: string, method: string, path: string, sent: Sent = {}): Promise<Answer> {
    for (;;) {
      const answer = await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.#key}`,
          ...(sent.body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
        ...(sent.form === undefined ? {} : { body: sent.form }),
      });
      const json = membersOf(await answer.json());
      if (!answer.ok) throw new Error(`${operationId} answered ${answer.status}: ${JSON.stringify(json)}`);
      if (sent.until !== undefined && !sent.until(json)) continue;
      this.#keep(operationId, answer.status, sent.body, json);
      return new Answer(json);
    }
  }

  /** The bytes of a file to an upload URL. */
  async put(uploadUrl: string, text: string): Promise<void> {
    const answer = await fetch(uploadUrl, { method: "PUT", body: text });
    this.#keep("putBytes", answer.status, undefined, await answer.json());
  }

  /** By operation id. Ids are numbered, times count from one day on, and the address is that of a default server. */
  recorded(): Readonly<Record<string, RecordedExample>> {
    const kept = Object.fromEntries([...this.#kept].sort(([a], [b]) => (a < b ? -1 : 1)));
    return JSON.parse(this.#steadied(JSON.stringify(kept)));
  }

  #keep(operationId: string, status: number, request: unknown, answer: unknown): void {
    const kept = this.#kept.get(operationId) ?? { responses: {} };
    this.#kept.set(operationId, kept);
    if (request !== undefined && !("request" in kept)) kept.request = request;
    kept.responses[status] ??= answer;
  }

  /** Ids and times are numbered and set; how far a task was when it was looked at is chance. */
  #steadied(text: string): string {
    const ids = new Map<string, string>();
    const numbered = (id: string, prefix: string) => {
      const known = ids.get(id) ?? `${prefix}_01kb6m7k2x${String(ids.size + 1).padStart(16, "0")}`;
      ids.set(id, known);
      return known;
    };
    return text
      .replaceAll(this.#base, "http://127.0.0.1:8686")
      .replaceAll(/\b([a-z]+)_[0-9a-hjkmnp-tv-z]{26}(?![0-9a-z])/g, numbered)
      .replaceAll(/(\/v1\/uploads\/\w+\/)[\w-]{43}/g, `$1${"A".repeat(43)}`)
      .replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/g, '"2026-11-29T09:00:00.000Z"')
      .replaceAll(/"(created(?:_at)?)":\d{6,}/g, '"$1":1795942800')
      .replaceAll(/\b\d{16}\b/g, "1795942800000000")
      .replaceAll(/"progress":\{[^}]*\}/g, '"progress":null')
      .replaceAll(/"write_ahead_log_bytes":"\d+"/g, '"write_ahead_log_bytes":"4152"')
      .replaceAll(/"etag":"[\w+/=-]+"/g, '"etag":"CNDJoPGVmYsDEAE="')
      .replaceAll(/"next_cursor":"[\w-]+"/g, '"next_cursor":"MTc5NTk0Mjgw"');
  }
}

/** An answer, read member by member. */
export class Answer {
  readonly json: Readonly<Record<string, unknown>>;

  constructor(json: Readonly<Record<string, unknown>>) {
    this.json = json;
  }

  text(...path: readonly (string | number)[]): string {
    let here: unknown = this.json;
    for (const step of path) here = membersOf(here)[step];
    if (typeof here !== "string") throw new Error(`${path.join(".")} is no text`);
    return here;
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
